import * as z from 'zod';
import { Failure } from '../../base/errors.ts';
import { readArguments } from '../arguments.ts';
import type { Field } from '../fields.ts';
import { plainFlag } from '../fields.ts';
import { flagsHelp } from '../help.ts';

/** `watch` is no operation of its own: it makes the calls that a person would make. */
export const WATCH_FIELDS: readonly Field[] = [
  plainFlag('once', 'switch', 'one round, for cron: look, collect what has ended, turn it into results, send notices'),
  plainFlag('standby', 'switch', 'where another watches already, wait and take over when it ends'),
  plainFlag('install', 'switch', 'write a systemd user service that watches, after showing it'),
  plainFlag('uninstall', 'switch', 'take that service away again'),
  plainFlag('dry-run', 'switch', 'with --install or --uninstall: show, and change nothing'),
];

const words = z.object({
  once: z.boolean().default(false),
  standby: z.boolean().default(false),
  install: z.boolean().default(false),
  uninstall: z.boolean().default(false),
  dry_run: z.boolean().default(false),
});
export type WatchWords = z.output<typeof words>;

/** What stands behind `watch`. Flags that do not go together are a `usage` failure. */
export function watchWords(typed: readonly string[]): WatchWords {
  const read = words.parse(readArguments('watch', WATCH_FIELDS, typed));
  const { once, standby, install, uninstall, dry_run: dryRun } = read;
  const chosen = [once && '--once', standby && '--standby', install && '--install', uninstall && '--uninstall'].filter(Boolean);
  if (chosen.length > 1 || (dryRun && !install && !uninstall))
    throw new Failure('usage', {
      what:
        dryRun && chosen.length < 2
          ? '--dry-run goes with --install or --uninstall'
          : `${chosen.join(' and ')} do not go together`,
      next: 'autolab-mcp watch --help',
    });
  return read;
}

export function watchHelp(): string {
  return [
    'autolab-mcp watch [flags]',
    '',
    'Watches the open runs without an agent: looks as often as the policy allows, collects what has ended, turns it into',
    'results, and sends notices, until a signal ends it. What the gate asks or denies is told and left for a person.',
    '`monitor --watch` shows runs to somebody; this does the work while nobody is there (docs/watching.md).',
    '',
    ...flagsHelp(WATCH_FIELDS),
  ].join('\n');
}
