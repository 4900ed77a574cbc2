import { basename } from 'node:path';
import * as z from 'zod';
import { digest } from '../base/digest.ts';
import { asFailure, Failure } from '../base/errors.ts';
import { shown, writeAtomic } from '../base/files.ts';
import { instant } from '../base/ids.ts';
import { count, quote } from '../base/text.ts';
import type { Reads } from '../context.ts';
import { iterationField } from './fields.ts';
import { chapterBlocks, overview } from './report/chapter.ts';
import { openBooks } from './report/costs.ts';
import type { Block } from './report/document.ts';
import { UNKNOWN } from './report/document.ts';
import { chapterOf, chooseIterations } from './report/gather.ts';
import { htmlOf } from './report/html.ts';
import { markdownOf } from './report/markdown.ts';
import { FORMATS, formatOf, targetOf } from './report/target.ts';
import { defineTool } from './tool.ts';

const input = z.strictObject({
  iteration: iterationField,
  all: z.boolean().default(false).describe('Every iteration instead of one'),
  format: z.enum(FORMATS).optional().describe('Default: by the ending of out, else html'),
  out: z.string().min(1).max(4096).optional().describe('File to write it to. Default: it is printed'),
  force: z.boolean().default(false).describe('Write over a file that is no report'),
});
const output = z.object({
  title: z.string(),
  format: z.enum(FORMATS),
  file: z.string().nullable(),
  bytes: z.number().int(),
  runs: z.number().int().describe('How many launches are told of'),
  faults: z.array(z.string()).describe('What could not be read, and is not in it'),
  document: z.string().nullable().describe('The report itself; null where it was written to a file'),
});
type Input = z.output<typeof input>;

/** In full: the overview names the other iterations. */
const MOST_CHAPTERS = 50;
const MOST_FAULTS = 20;

export default defineTool({
  name: 'report',
  command: ['report'],
  positional: ['iteration'],
  title: 'Report on an iteration, or on all of them, as one HTML or Markdown file',
  description:
    'One document that needs nothing else: hypothesis, results with their spread over replicates, what ran where with what code, resources, failures and remedies, cost, decisions. From our own records; it asks no scheduler.',
  audience: 'command',
  effect: 'write',
  input,
  output,
  looks: ({ out }) => out === undefined,
  facts: async (args, reads) => {
    if (args.all && args.iteration !== undefined)
      throw new Failure('usage', { what: 'an iteration is named, and all of them are asked for', next: 'leave one of them out' });
    if (args.out === undefined) return { acts: ['read'], subject: { report: args }, summary: 'print a report' };
    targetOf(reads, args.out, formatOf(args.format, args.out), args.force);
    return { acts: ['write'], subject: { report: args }, summary: `write a report to ${args.out}` };
  },
  preview: async (args, reads) => {
    if (args.out !== undefined) return undefined;
    const { text, ...made } = composed(args, reads);
    return { ...made, file: null, document: text };
  },
  handle: async (args, acts, permit) => {
    permit.check(digest({ report: args }));
    const { text, ...made } = composed(args, acts);
    const path = targetOf(acts, args.out ?? '', made.format, args.force);
    writeAtomic(path, text);
    return { ...made, file: shown(acts.repo, path), document: null };
  },
  text: (out) =>
    out.document?.trimEnd() ??
    [
      `${out.title}: ${count(out.runs, 'run')}, ${out.bytes} bytes, written to ${out.file}.`,
      ...out.faults.slice(0, MOST_FAULTS).map((one) => `Could not be read: ${quote(one, 400)}`),
      out.faults.length > MOST_FAULTS ? `… and ${out.faults.length - MOST_FAULTS} more.` : '',
    ]
      .filter(Boolean)
      .join('\n'),
});

type Made = Pick<z.output<typeof output>, 'title' | 'format' | 'bytes' | 'runs' | 'faults'> & { text: string };

function composed(args: Input, reads: Reads): Made {
  const format = formatOf(args.format, args.out);
  const choices = chooseIterations(reads, args);
  const isAll = args.all;
  // What ran last comes first.
  const ordered = isAll ? [...choices].sort((a, b) => ((a.ids[0] ?? '') < (b.ids[0] ?? '') ? 1 : -1)) : choices;
  const audit = auditOf(reads);
  const { books, why } = openBooks();
  const chapters = ordered.slice(0, MOST_CHAPTERS).map((choice) => chapterOf(reads, choice, audit.lines));
  const title = isAll ? `Report on ${basename(reads.repo)}` : `Report on ${chapters[0]?.iteration.id ?? ''}`;
  const faults = [
    ...(why === null ? [] : [`what was spent: ${why}`]),
    ...chapters.flatMap((one) => one.faults.map((fault) => (isAll ? `${one.iteration.id}: ${fault}` : fault))),
  ];
  const blocks: Block[] = [
    { kind: 'heading', level: 1, text: title },
    { kind: 'text', text: madeWords(reads, audit.words) },
    ...(isAll ? overview(chapters, books, ordered.length - chapters.length) : []),
    ...chapters.flatMap((chapter): Block[] =>
      isAll
        ? [{ kind: 'heading', level: 2, text: `Iteration ${chapter.iteration.id}` }, ...chapterBlocks(chapter, books, 3)]
        : chapterBlocks(chapter, books, 2),
    ),
    ...(why === null ? [] : [{ kind: 'text', text: `What was spent cannot be read: ${why}` } as const]),
  ];
  const text = format === 'html' ? htmlOf(title, blocks) : markdownOf(blocks);
  const runs = chapters.reduce((sum, one) => sum + one.runs.length, 0);
  return { title, format, bytes: Buffer.byteLength(text), runs, faults, text };
}

function madeWords(reads: Reads, audit: string): string {
  return `Made at ${instant()} by autolab-mcp ${reads.version} from the records of ${basename(reads.repo)}. No scheduler was asked for it. ${audit} What is not known is said to be ${UNKNOWN}.`;
}

/** The log, and whether it is what was written. */
function auditOf({ audit }: Reads): { lines: ReturnType<Reads['audit']['lines']>; words: string } {
  try {
    const { ok, lines, findings } = audit.verify();
    const holds = ok ? 'holds' : `does not hold: ${findings.slice(0, 3).join('; ')}`;
    return { lines: audit.lines(), words: `The audit log has ${count(lines, 'line')} and ${holds}.` };
  } catch (error) {
    return { lines: [], words: `Whether the audit log holds is ${UNKNOWN}: ${asFailure(error).message}.` };
  }
}
