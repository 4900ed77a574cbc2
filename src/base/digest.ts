import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';

/** JSON with object keys sorted at every depth and undefined members left out, so that equal values have equal text. */
export function canonical(value: unknown): string {
  return JSON.stringify(sorted(value));
}

function sorted(value: unknown): unknown {
  if (value === null || typeof value !== 'object') return value;
  if (Array.isArray(value)) return value.map(sorted);
  if ('toJSON' in value && typeof value.toJSON === 'function') return sorted(value.toJSON());
  const members = value as Record<string, unknown>;
  // Without a prototype, so that a member named __proto__ is one like any other.
  const made: Record<string, unknown> = Object.create(null);
  for (const key of Object.keys(members).sort()) made[key] = sorted(members[key]);
  return made;
}

/** SHA-256 of the bytes or the UTF-8 text, as 64 lower-case hex digits. */
export function sha256(data: string | Uint8Array): string {
  return createHash('sha256').update(data).digest('hex');
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
