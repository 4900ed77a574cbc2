import { createHash, hash } from 'node:crypto';
import { createReadStream } from 'node:fs';

/**
 * JSON with object keys sorted at every depth and undefined members left out, so that equal values have equal text. Written out here: sorted
 * copies for JSON.stringify take twice as long, and every line of an audit log is verified by this. `without`: a member of the value itself that is left out.
 */
export function canonical(value: unknown, without?: string): string {
  return written(value, without) ?? String(JSON.stringify(value));
}

/** Text that JSON writes as it stands. */
const PLAIN = /^[ !#-[\]-~]*$/;

function written(value: unknown, without?: string): string | undefined {
  if (typeof value === 'string') return PLAIN.test(value) ? `"${value}"` : JSON.stringify(value);
  if (value === null || typeof value !== 'object') return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map((one) => written(one) ?? 'null').join(',')}]`;
  if ('toJSON' in value && typeof value.toJSON === 'function') return written(value.toJSON());
  const members = value as Record<string, unknown>;
  let text = '';
  for (const key of inOrder(Object.keys(members))) {
    const member = key === without ? undefined : written(members[key]);
    if (member !== undefined) text += `${text === '' ? '' : ','}${written(key)}:${member}`;
  }
  return `{${text}}`;
}

const NINE = 0x39;

/** Indices first, by number, as objects have them (ECMA-262, OrdinaryOwnPropertyKeys); then the other names. */
function inOrder(keys: string[]): string[] {
  const sorted = keys.sort();
  // Digits sort before letters.
  if ((sorted[0]?.charCodeAt(0) ?? NINE) > NINE || !sorted.some(isIndex)) return sorted;
  return [...sorted.filter(isIndex).sort((a, b) => Number(a) - Number(b)), ...sorted.filter((key) => !isIndex(key))];
}

function isIndex(key: string): boolean {
  const first = key.charCodeAt(0);
  return first >= 0x30 && first <= NINE && String(Number(key) >>> 0) === key && key !== '4294967295';
}

/** SHA-256 of the bytes or the UTF-8 text, as 64 lower-case hex digits. */
export function sha256(data: string | Uint8Array): string {
  return hash('sha256', data);
}

/** SHA-256 of the canonical JSON of a value. */
export function digest(value: unknown): string {
  return sha256(canonical(value));
}

/** The same of a file's bytes, however many. */
export async function sha256OfFile(path: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(path)) hash.update(chunk);
  return hash.digest('hex');
}
