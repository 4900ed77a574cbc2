import { cap, quote } from '../base/text.ts';
import { unifiedDiff } from './line-diff.ts';
import type { Breach, SealedFile, SealState } from './seal.ts';
import type { Facts, Reason } from './types.ts';

/** A diff is shown up to this many lines, each up to this many characters: enough to see what somebody did. */
const DIFF_LINES = 40;
const LINE_LENGTH = 200;
/** Files of more lines than this are not compared line by line, which would take longer than it helps. */
const COMPARED_LINES = 4000;
/** Of more changed files only the names are told. */
const SHOWN_FILES = 8;

/** How a file differs from what was sealed; undefined where it does not. */
export function changeOf(name: string, was: SealedFile, now: SealedFile): Breach | undefined {
  if (was.sha256 === now.sha256) return undefined;
  if (now.sha256 === null) return { name, what: 'is gone', diff: '' };
  if (was.sha256 === null) return { name, what: 'was made', diff: diffOf(name, '', now.text) };
  return { name, what: 'was changed', diff: diffOf(name, was.text, now.text) };
}

/** Why an act is denied over a seal that is broken: one reason a file. None where it holds, or the call is how a person mends it. */
export function judgeSeal({ sealed, breaches }: SealState, facts: Facts): Reason[] {
  if (facts.despiteSeal) return [];
  const since = sealed ? ` since ${sealed.by} sealed it at ${sealed.at}` : '';
  const shown = breaches
    .slice(0, SHOWN_FILES)
    .map(({ name, what, diff }) =>
      denied(name, `${name} ${what}${since}${diff === '' ? '' : `:\n${diff}`}`, `put ${name} back as it was sealed`),
    );
  const rest = breaches.slice(SHOWN_FILES).map(({ name }) => name);
  if (rest.length === 0) return shown;
  return [...shown, denied(rest[0] ?? '', `changed too: ${cap(rest.join(', '), 1000)}`, 'put them back as they were sealed')];
}

function denied(file: string, because: string, remedy: string): Reason {
  return {
    rule: 'seal',
    verdict: 'deny',
    because,
    remedy,
    policy_change: 'a person runs `autolab-mcp policy seal` after looking at the change',
    origin: { layer: 'project', file, line: 0 },
  };
}

function diffOf(name: string, before: string | undefined, after: string | undefined): string {
  if (before === undefined || after === undefined) return '';
  const lines = (text: string) => text.split('\n').length;
  if (lines(before) > COMPARED_LINES || lines(after) > COMPARED_LINES) return '';
  const all = unifiedDiff(before, after, name).split('\n');
  const some = all.slice(0, DIFF_LINES).map((line) => quote(line, LINE_LENGTH));
  return [...some, ...(all.length > DIFF_LINES ? [`… ${all.length - DIFF_LINES} more lines`] : [])].join('\n');
}
