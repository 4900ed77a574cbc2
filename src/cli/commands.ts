import * as z from 'zod';
import { Failure } from '../base/errors.ts';
import { clean, nearest } from '../base/text.ts';
import type { Tool } from '../tools/tool.ts';
import type { Field } from './fields.ts';
import { fieldsOf, plainFlag } from './fields.ts';
import { GLOBALS } from './globals.ts';

/** The command that the first words name, the longest first, and the words after it. Undefined where there are no words. */
export function findCommand(tools: readonly Tool[], words: readonly string[]): { tool: Tool; rest: string[] } {
  const named = tools
    .filter((tool) => tool.command.every((word, at) => words[at] === word))
    .sort((a, b) => b.command.length - a.command.length)[0];
  if (named) return { tool: named, rest: words.slice(named.command.length) };
  const typed = words.slice(0, 3).filter((word) => !word.startsWith('-'));
  const all = tools.map((tool) => tool.command.join(' '));
  const within = all.filter((command) => typed[0] !== undefined && command.startsWith(`${typed[0]} `));
  const near = nearest(typed.join(' '), all) ?? nearest(typed[0] ?? '', all);
  throw new Failure('usage', {
    what: `there is no command ${JSON.stringify(clean(typed.join(' ')).slice(0, 80))}`,
    ...(within.length > 0 ? { why: `it is one of: ${within.join(', ')}` } : near ? { why: `did you mean ${near}?` } : {}),
    next: 'autolab-mcp --help',
  });
}

/** What a command can do that is no argument of its operation. */
const extrasOut = z.object({
  watch: z.boolean().optional(),
  once: z.boolean().optional(),
  yes: z.boolean().optional(),
  seal: z.boolean().optional(),
  expect: z.string().optional(),
});
export type Extras = z.output<typeof extrasOut>;

/** The flags of a command: the fields of its tool, and what the terminal adds. */
export function commandFields(tool: Tool): Field[] {
  return [...fieldsOf(tool), ...extras(tool)];
}

/** Takes what the terminal adds out of what was typed. */
export function splitExtras(tool: Tool, typed: Record<string, unknown>): { input: Record<string, unknown>; extra: Extras } {
  const names = new Set(extras(tool).map((field) => field.name));
  const entries = Object.entries(typed);
  return {
    input: Object.fromEntries(entries.filter(([name]) => !names.has(name))),
    extra: extrasOut.parse(Object.fromEntries(entries.filter(([name]) => names.has(name)))),
  };
}

/** `--watch`, where an answer says when to look next and when all is over; `--once` where runs are looked at; what `init` does after its own. */
function extras(tool: Tool): Field[] {
  const watches = ['next_look_seconds', 'all_over'].every((name) => name in tool.output.shape);
  return [
    ...(watches ? [WATCH] : []),
    ...(tool.name === 'monitor_runs' ? [ONCE] : []),
    ...(tool.name === 'init' ? BEGINNING : []),
  ];
}

const WATCH = plainFlag(
  'watch',
  'switch',
  'go on looking, as often as the answer says: a display on a terminal, else lines of what changed',
);
const ONCE = plainFlag(
  'once',
  'switch',
  'what `watch` does, once, for cron: look, collect what has ended, extract, send notices',
);
const BEGINNING = [
  plainFlag('yes', 'switch', 'ask nothing, and take what is proposed: the batch system of this machine, and its preset'),
  plainFlag('seal', 'switch', 'seal at the end; a person types yes to that'),
  plainFlag('expect', 'text', 'seal at the end if this is the digest of what is there then, as policy seal takes it'),
];

/** Flags that mean the same everywhere, so no operation may have a field of that name. A test holds this. */
export const RESERVED: readonly string[] = GLOBALS.map((field) => field.name);
