import { isMap, isScalar, isSeq, LineCounter, type Node, parseDocument } from 'yaml';
import { Failure } from '../../base/errors.ts';
import { clean } from '../../base/text.ts';
import type { Path, Positioned } from './yaml.ts';

/** Of a text in which positions are looked up. */
const MAX_CHARACTERS = 1024 * 1024;

/** The value of JSON text with its positions. What JSON does not have (NaN, Infinity, as Python writes them) is refused by name. */
export function readJsonText(text: string, file: string): Positioned {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    refuseNonFinite(text, file);
    throw new Failure('file_invalid', {
      what: `${file} is not JSON`,
      why: text.trim() === '' ? 'the file is empty' : clean(error instanceof Error ? error.message : String(error)),
      next: `write ${file} again, or restore it from git`,
    });
  }
  // Valid JSON is YAML with few exceptions; positions are looked up there, and only when something is to be said about one.
  const lines = new LineCounter();
  let root: Node | null | undefined;
  const at = (path: Path, key?: 'key') => {
    root ??= documentOf(text, lines);
    const { line, col } = lines.linePos(offsetOf(root ?? null, path, key));
    return { line: Math.max(1, line), column: Math.max(1, col) };
  };
  return { file, value, at, source: () => undefined };
}

/** Undefined positions, as for the first character, where it is too large or too deep to be looked through. */
function documentOf(text: string, lineCounter: LineCounter): Node | null {
  if (text.length > MAX_CHARACTERS) return null;
  try {
    return parseDocument(text, { lineCounter, logLevel: 'silent', uniqueKeys: false }).contents;
  } catch (error) {
    if (error instanceof RangeError) return null;
    throw error;
  }
}

/** Python's json module writes NaN, Infinity and -Infinity as bare words. The words are looked for outside strings. */
function refuseNonFinite(text: string, file: string): void {
  let key = '';
  for (const match of text.matchAll(/"((?:[^"\\]|\\.)*)(?:"|$)|(-?\b(?:NaN|Infinity)\b)/g)) {
    if (match[2] === undefined) {
      key = match[1] ?? '';
      continue;
    }
    const before = text.slice(0, match.index);
    const line = before.split('\n').length;
    throw new Failure('file_invalid', {
      what: `${file}:${line}:${match.index - before.lastIndexOf('\n')}: ${match[2]} is not a number${key ? ` (near "${clean(key)}")` : ''}`,
      why: 'JSON has no such value, and an undefined result is not a result',
      next: `let the parser write null where there is no finite number (${file} line ${line})`,
    });
  }
}

function offsetOf(node: Node | null, path: Path, key?: 'key'): number {
  let here = node;
  let offset = here?.range?.[0] ?? 0;
  for (const [index, part] of path.entries()) {
    const pair = isMap(here)
      ? here.items.find((item) => isScalar(item.key) && String(item.key.value) === String(part))
      : undefined;
    const next = pair ? pair.value : isSeq(here) ? here.items[Number(part)] : undefined;
    const keyRange = pair && isScalar(pair.key) ? pair.key.range : undefined;
    if (next === undefined) return offset;
    here = next as Node | null;
    offset = (key && index === path.length - 1 ? keyRange?.[0] : here?.range?.[0]) ?? keyRange?.[0] ?? offset;
  }
  return offset;
}
