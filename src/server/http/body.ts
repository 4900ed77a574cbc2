import type { IncomingMessage } from 'node:http';
import type { Refusal } from './answers.ts';
import { TRANSPORT } from './answers.ts';

/** So many values within one another are more than any message has; readers that call themselves could not follow many more. */
const DEEPEST = 100;

/** The JSON value of a request, of at most `most` bytes: what is larger is not read to its end. Throws where the connection breaks. */
export async function readBody(req: IncomingMessage, most: number): Promise<{ body: unknown } | { refusal: Refusal }> {
  const large = { refusal: { status: 413, code: TRANSPORT, message: `a request may have at most ${most} bytes` } };
  if (Number(req.headers['content-length'] ?? 0) > most) return large;
  const parts: Uint8Array[] = [];
  let size = 0;
  // Leaving the loop must not destroy the request: its answer has still to be sent.
  for await (const part of req.iterator({ destroyOnReturn: false })) {
    if (!(part instanceof Uint8Array)) throw new Error('a request without bytes');
    size += part.length;
    if (size > most) return large;
    parts.push(part);
  }
  try {
    const body: unknown = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(Buffer.concat(parts)));
    if (!isDeep(body)) return { body };
    return { refusal: { status: 400, code: -32_600, message: `the body has more than ${DEEPEST} values within one another` } };
  } catch {
    return { refusal: { status: 400, code: -32_700, message: 'the body is not JSON in UTF-8' } };
  }
}

function isDeep(value: unknown): boolean {
  let level = [value];
  for (let depth = 0; level.length > 0; depth++) {
    if (depth > DEEPEST) return true;
    level = level.flatMap((one) => (typeof one === 'object' && one !== null ? Object.values(one) : []));
  }
  return false;
}

/** Whether a message, or one of a batch, is of this method. */
export function asksFor(body: unknown, method: string): boolean {
  const messages: unknown[] = Array.isArray(body) ? body : [body];
  return messages.some((one) => typeof one === 'object' && one !== null && 'method' in one && one.method === method);
}
