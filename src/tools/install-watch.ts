import { lstatSync, unlinkSync } from 'node:fs';
import { dirname, join } from 'node:path';
import * as z from 'zod';
import { digest } from '../base/digest.ts';
import { cannotWrite } from '../base/disk.ts';
import { Failure } from '../base/errors.ts';
import { readText, writeAtomic } from '../base/files.ts';
import type { Reads } from '../context.ts';
import { repositoryTag } from '../runs/home.ts';
import { dryRun } from './fields.ts';
import { mustBeConfirmed } from './sealing.ts';
import { defineTool } from './tool.ts';
import { cronLine, hasSystemd, unitName, unitPath, unitText } from './watch-unit.ts';

const input = z.strictObject({
  uninstall: z.boolean().default(false).describe('Take it away instead'),
  dry_run: dryRun,
});
const output = z.object({
  file: z.string(),
  status: z.enum(['written', 'removed', 'unchanged', 'dry_run']),
  content: z.string().nullable().describe('The file as it is to be; null: there is to be none'),
  to_confirm: z.string().nullable(),
  notes: z.array(z.string()),
});

const COMMAND = ['watch', 'install'] as const;
const subjectOf = (uninstall: boolean) => ({ watch: uninstall ? 'uninstall' : 'install' });

export default defineTool({
  name: 'install_watch',
  command: COMMAND,
  title: 'Have the runs of this repository watched by a service of yours',
  description:
    'Writes a systemd user service that runs `autolab-mcp watch`, after showing it, and says how it is started; where there is no systemd it says the line for cron. Also typed `watch --install` and `watch --uninstall`.',
  audience: 'person',
  effect: 'write',
  confirms: 'shown',
  input,
  output,
  facts: async ({ uninstall }) => ({
    acts: ['write'],
    subject: subjectOf(uninstall),
    summary: uninstall ? 'take the watching service away' : 'write a service that watches the runs of this repository',
  }),
  preview: async ({ uninstall, dry_run }, reads) => {
    const its = view(reads, uninstall);
    return dry_run ? { ...its, status: its.to_confirm === null ? ('unchanged' as const) : ('dry_run' as const) } : undefined;
  },
  handle: async ({ uninstall }, acts, permit) => {
    permit.check(digest(subjectOf(uninstall)));
    const its = view(acts, uninstall);
    if (its.to_confirm === null) return its;
    mustBeConfirmed({ command: COMMAND }, acts, its.to_confirm);
    if (its.content === null) {
      remove(its.file);
      remove(join(dirname(its.file), 'default.target.wants', unitName(tagOf(acts))));
      return { ...its, status: 'removed' as const };
    }
    writeAtomic(its.file, its.content);
    return { ...its, status: 'written' as const };
  },
  text: (out) =>
    [
      {
        written: `${out.file} is written.`,
        removed: `${out.file} is gone.`,
        unchanged: out.content === null ? `There is no ${out.file}.` : `${out.file} is there already.`,
        dry_run: out.content === null ? `${out.file} is to go.` : `${out.file} is to be:\n${out.content}`,
      }[out.status],
      ...out.notes,
    ].join('\n'),
});

function view(reads: Reads, uninstall: boolean): z.output<typeof output> {
  const file = unitPath(tagOf(reads));
  const before = readText(file);
  const content = uninstall ? null : unitText(reads.repo);
  const isSame = before === (content ?? undefined);
  return {
    file,
    status: 'unchanged',
    content,
    to_confirm: isSame ? null : digest({ file, content }),
    notes: uninstall ? goneNotes(tagOf(reads)) : notesOf(reads.repo, tagOf(reads)),
  };
}

function notesOf(repo: string, tag: string): string[] {
  if (!hasSystemd()) {
    const line = cronLine(repo);
    if (line === null)
      return ['There is no systemd here, which would run it, and a crontab cannot hold the path of this repository.'];
    return ['There is no systemd here, which would run it. The same from cron (crontab -e):', line];
  }
  return [
    `Start it: systemctl --user daemon-reload && systemctl --user enable --now ${unitName(tag)}`,
    'So that it goes on when you have logged out: loginctl enable-linger',
    `What it says: journalctl --user -u ${unitName(tag)}`,
  ];
}

function goneNotes(tag: string): string[] {
  return hasSystemd() ? [`End one that runs: systemctl --user stop ${unitName(tag)}; systemctl --user daemon-reload`] : [];
}

function tagOf(reads: Reads): string {
  const tag = repositoryTag(reads.repo);
  if (tag !== null) return tag;
  throw new Failure('no_repository', {
    what: `${reads.repo} has no identity`,
    next: 'a person runs `autolab-mcp init` there once',
  });
}

function remove(path: string): void {
  try {
    if (lstatSync(path, { throwIfNoEntry: false })) unlinkSync(path);
  } catch (error) {
    throw cannotWrite(path, error);
  }
}
