/** Lines around a change that are shown with it. */
const CONTEXT = 3;

type Line = { mark: ' ' | '-' | '+'; text: string };

/** A unified diff of two texts, as `diff -u` writes it; empty where they are equal. */
export function unifiedDiff(before: string, after: string, name: string): string {
  if (before === after) return '';
  const lines = compare(split(before), split(after));
  const hunks = hunksOf(lines).map(([from, to]) => hunk(lines, from, to));
  return [`--- ${name}`, `+++ ${name}`, ...hunks].join('\n');
}

/** A longest common subsequence, after equal heads and tails are set aside. */
function compare(a: readonly string[], b: readonly string[]): Line[] {
  let head = 0;
  while (head < a.length && head < b.length && a[head] === b[head]) head++;
  let tail = 0;
  while (tail < a.length - head && tail < b.length - head && a.at(-1 - tail) === b.at(-1 - tail)) tail++;
  const same = (text: string): Line => ({ mark: ' ', text });
  return [
    ...a.slice(0, head).map(same),
    ...middle(a.slice(head, a.length - tail), b.slice(head, b.length - tail)),
    ...a.slice(a.length - tail).map(same),
  ];
}

function middle(a: readonly string[], b: readonly string[]): Line[] {
  const common = Array.from({ length: a.length + 1 }, () => new Uint32Array(b.length + 1));
  const at = (i: number, j: number) => common[i]?.[j] ?? 0;
  for (let i = a.length - 1; i >= 0; i--) {
    const row = common[i] ?? new Uint32Array();
    for (let j = b.length - 1; j >= 0; j--) row[j] = a[i] === b[j] ? at(i + 1, j + 1) + 1 : Math.max(at(i + 1, j), at(i, j + 1));
  }
  const lines: Line[] = [];
  for (let i = 0, j = 0; i < a.length || j < b.length; ) {
    if (i < a.length && j < b.length && a[i] === b[j]) {
      lines.push({ mark: ' ', text: a[i] ?? '' });
      i++;
      j++;
    } else if (i < a.length && (j >= b.length || at(i + 1, j) >= at(i, j + 1))) lines.push({ mark: '-', text: a[i++] ?? '' });
    else lines.push({ mark: '+', text: b[j++] ?? '' });
  }
  return lines;
}

/** Ranges of lines to show, changes with their context, joined where they touch. */
function hunksOf(lines: readonly Line[]): [from: number, to: number][] {
  const ranges: [number, number][] = [];
  for (const [at, { mark }] of lines.entries()) {
    if (mark === ' ') continue;
    const from = Math.max(0, at - CONTEXT);
    const to = Math.min(lines.length, at + CONTEXT + 1);
    const last = ranges.at(-1);
    if (last && last[1] >= from) last[1] = to;
    else ranges.push([from, to]);
  }
  return ranges;
}

function hunk(lines: readonly Line[], from: number, to: number): string {
  const old = (some: readonly Line[]) => some.filter((line) => line.mark !== '+').length;
  const young = (some: readonly Line[]) => some.filter((line) => line.mark !== '-').length;
  const before = lines.slice(0, from);
  const shown = lines.slice(from, to);
  const range = (start: number, length: number) => `${length === 0 ? start : start + 1}${length === 1 ? '' : `,${length}`}`;
  const header = `@@ -${range(old(before), old(shown))} +${range(young(before), young(shown))} @@`;
  return [header, ...shown.map((line) => line.mark + line.text)].join('\n');
}

/** Lines without their ends; a last line that has none says so, as `diff` does. */
function split(text: string): string[] {
  if (text === '') return [];
  const lines = text.split('\n');
  const last = lines.pop() ?? '';
  return last === '' ? lines : [...lines, `${last}\n\\ No newline at end of file`];
}
