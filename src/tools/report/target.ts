import { lstatSync, realpathSync } from 'node:fs';
import { basename, dirname, extname, join, relative, resolve } from 'node:path';
import { readPart, statOf } from '../../base/disk.ts';
import { Failure } from '../../base/errors.ts';
import type { Reads } from '../../context.ts';
import { sealedNames, sealedPath } from '../../policies/seal-set.ts';
import { LEDGER } from '../../runs/project.ts';
import { HTML_MARK } from './html.ts';
import { MARKDOWN_MARK } from './markdown.ts';

export const FORMATS = ['html', 'markdown'] as const;
export type Format = (typeof FORMATS)[number];

const ENDINGS: Readonly<Record<string, Format>> = { '.html': 'html', '.htm': 'html', '.md': 'markdown', '.markdown': 'markdown' };
/** A mark stands within so many bytes of the beginning. */
const HEAD = 2048;

/** The format that is asked for, else that of the file's ending, else HTML. */
export function formatOf(asked: Format | undefined, out: string | undefined): Format {
  return asked ?? (out === undefined ? undefined : ENDINGS[extname(out).toLowerCase()]) ?? 'html';
}

/**
 * Where a report may be written: a file of the ending of its format, in a folder that is there, nothing of Autolab's own, nothing that the seal
 * covers, and no other file than an older report unless `force` says so. The real path.
 */
export function targetOf(reads: Reads, out: string, format: Format, force: boolean): string {
  const { start, repo } = reads;
  const asked = resolve(start, out);
  const refuse = (why: string, next: string): never => {
    throw new Failure('usage', { what: `the report is not written to ${out}`, why, next });
  };
  if (ENDINGS[extname(asked).toLowerCase()] !== format)
    refuse(`its ending is not that of ${format}`, `name a file that ends in ${format === 'html' ? '.html' : '.md'}`);
  const folder = dirname(asked);
  if (!statOf(folder)?.isDirectory()) refuse('its folder is not there', `make ${folder} first`);
  // By its real place, so that no link leads where a name would not be taken.
  const path = join(realpathSync(folder), basename(asked));
  const top = realpathSync(repo);
  if (/^(?:\.autolab|\.git|experiments\/[^/]+\/[^/]+\/runs)\//.test(relative(top, path)))
    refuse('it would be among the records that the gate rests on', 'name a file outside .autolab, .git and the folders of runs');
  const kept = sealedNames(repo, reads.policy()).map((name) => sealedPath(top, reads.presets, name));
  if (path === join(top, LEDGER) || kept.includes(path))
    refuse(`${basename(path)} is a file of Autolab or of the seal`, 'name another file');
  const seen = lstatSync(path, { throwIfNoEntry: false });
  if (!seen) return path;
  if (!seen.isFile()) refuse('what stands there is no file', 'name another file');
  if (!force && !isReport(path))
    refuse('what stands there is no report of ours', 'name another file, or say --force to lose what stands there');
  return path;
}

function isReport(path: string): boolean {
  const head = readPart(path, HEAD, 'start')?.data.toString('utf8') ?? '';
  return head.includes(HTML_MARK) || head.startsWith(MARKDOWN_MARK);
}
