import { join } from 'node:path';
import * as z from 'zod';
import { digest } from '../base/digest.ts';
import { readText, writeAtomic } from '../base/files.ts';
import type { Reads } from '../context.ts';
import { SEALED } from '../policies/seal-set.ts';
import { onPath } from '../sites/index.ts';
import { dryRun } from './fields.ts';
import { fileOf, HOSTS, withServer } from './host-files.ts';
import { mustBeConfirmed } from './sealing.ts';
import { defineTool } from './tool.ts';

const input = z.strictObject({
  host: z.enum(HOSTS).describe('The program that agents run in'),
  dry_run: dryRun,
});
const output = z.object({
  host: z.enum(HOSTS),
  file: z.string(),
  status: z.enum(['written', 'unchanged', 'dry_run']),
  content: z.string().describe('The whole file as it is to be'),
  to_confirm: z.string().nullable(),
  notes: z.array(z.string()),
});

const COMMAND = ['setup'] as const;

export default defineTool({
  name: 'setup_host',
  command: COMMAND,
  positional: ['host'],
  title: 'Add this server to an agent’s configuration in this repository',
  description:
    'Writes the line by which a host starts this server into its configuration file of this project, after showing it; what else stands there stays. The file can be committed: everybody who has autolab-mcp on PATH is served.',
  audience: 'person',
  effect: 'write',
  confirms: 'shown',
  input,
  output,
  facts: async ({ host }) => ({ acts: ['write'], subject: { setup: host }, summary: `add this server to ${fileOf(host)}` }),
  preview: async ({ host, dry_run }, reads) => (dry_run ? { ...view(host, reads), status: 'dry_run' as const } : undefined),
  handle: async ({ host }, acts, permit) => {
    permit.check(digest({ setup: host }));
    const its = view(host, acts);
    if (its.to_confirm === null) return its;
    mustBeConfirmed({ command: COMMAND }, acts, its.to_confirm);
    writeAtomic(join(acts.repo, its.file), its.content);
    return { ...its, status: 'written' as const };
  },
  text: (out) =>
    [
      out.status === 'unchanged' ? `${out.file} has it already.` : `${out.file}${out.status === 'dry_run' ? ' is to be' : ''}:`,
      out.status === 'unchanged' ? '' : out.content.trimEnd(),
      ...out.notes,
    ]
      .filter(Boolean)
      .join('\n'),
});

function view(host: z.output<typeof input>['host'], reads: Reads): z.output<typeof output> {
  const file = fileOf(host);
  const before = readText(join(reads.repo, file));
  const content = withServer(host, before);
  const isSealed = reads.policy().seal.sealed !== null && SEALED.some((one) => one === file);
  const notes = [
    ...(onPath('autolab-mcp', process.env.PATH ?? '')
      ? []
      : ['autolab-mcp is not on PATH here: `npm link` in its folder puts it there; until then no host can start it.']),
    ...(isSealed && content !== before
      ? [`The seal covers ${file}: it is broken by this until a person runs \`autolab-mcp policy seal\`.`]
      : []),
  ];
  return {
    host,
    file,
    status: 'unchanged',
    content,
    to_confirm: content === before ? null : digest({ host, content }),
    notes,
  };
}
