/** One place where two configurations differ; `undefined` is "not there". */
export type Difference = { path: string; was: unknown; is: unknown; why: 'grew' | 'fell' | 'changed' | 'order' };

/**
 * What is different between the configuration that was accepted and the one of now, in the order of the keys. `grew` is a finite number at
 * one of the paths `mayGrow` that is larger than it was; nothing else may be. Order counts in lists, and not in maps. Pure.
 */
export function differencesOf(was: unknown, is: unknown, mayGrow: readonly string[]): Difference[] {
  return compare(was, is, [], new Set(mayGrow));
}

/** Those that are no growth. */
export function beyondGrowth(differences: readonly Difference[]): Difference[] {
  return differences.filter(({ why }) => why !== 'grew');
}

type Path = readonly (string | number)[];

function compare(was: unknown, is: unknown, path: Path, mayGrow: ReadonlySet<string>): Difference[] {
  if (Array.isArray(was) && Array.isArray(is)) return compareLists(was, is, path, mayGrow);
  if (isMap(was) && isMap(is)) {
    const keys = [...new Set([...Object.keys(was), ...Object.keys(is)])];
    return keys.flatMap((key) => compare(own(was, key), own(is, key), [...path, key], mayGrow));
  }
  if (isSame(was, is)) return [];
  return [{ path: pathText(path), was, is, why: kindOf(was, is, mayGrow.has(patternOf(path))) }];
}

function compareLists(was: readonly unknown[], is: readonly unknown[], path: Path, mayGrow: ReadonlySet<string>): Difference[] {
  const names = (list: readonly unknown[]) => list.map(labelOf);
  const [before, now] = [names(was), names(is)];
  const isShuffled = before.join('\n') !== now.join('\n') && [...before].sort().join('\n') === [...now].sort().join('\n');
  if (isShuffled) return [{ path: pathText(path), was: before.join(', '), is: now.join(', '), why: 'order' }];
  const length = Math.max(was.length, is.length);
  return Array.from({ length }, (_, at) => at).flatMap((at) => compare(was[at], is[at], [...path, at], mayGrow));
}

/** What an item is known by: its name where it has one, else all of it. */
function labelOf(item: unknown): string {
  const name = isMap(item) ? (own(item, 'name') ?? own(item, 'id')) : undefined;
  return typeof name === 'string' || typeof name === 'number' ? String(name) : JSON.stringify(item);
}

function kindOf(was: unknown, is: unknown, mayGrow: boolean): Difference['why'] {
  if (!mayGrow || !isExact(was) || !isExact(is)) return 'changed';
  return is > was ? 'grew' : 'fell';
}

/** A number that was read as it stands in the file: a whole one beyond 2^53 is not. */
function isExact(value: unknown): value is number {
  return typeof value === 'number' && Number.isFinite(value) && (!Number.isInteger(value) || Number.isSafeInteger(value));
}

/** Two numbers with more digits than are kept may be the same here and not in the files. */
function isSame(was: unknown, is: unknown): boolean {
  if (typeof was === 'number' && Number.isFinite(was) && !isExact(was)) return false;
  return Object.is(was, is) || (was === 0 && is === 0);
}

function isMap(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function own(value: object, key: string): unknown {
  return Object.hasOwn(value, key) ? Reflect.get(value, key) : undefined;
}

/** A dot or a star in a key is not one of the rule's. */
function patternOf(path: Path): string {
  return path.map((part) => (typeof part === 'number' ? '*' : part.replaceAll(/[.*]/g, '\\$&'))).join('.');
}

function pathText(path: Path): string {
  if (path.length === 0) return 'the whole file';
  return path.map((part, at) => (typeof part === 'number' ? `[${part}]` : at === 0 ? part : `.${part}`)).join('');
}
