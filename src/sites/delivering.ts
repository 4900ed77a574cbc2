import { realpathSync } from 'node:fs';
import { join, resolve, sep } from 'node:path';
import { account } from '../base/account.ts';
import { readBytes, statOf } from '../base/disk.ts';
import { asFailure, systemCode } from '../base/errors.ts';
import type { ActingPermit } from '../base/permit.ts';
import { localTransport } from './transports/local.ts';

/** How long somebody who is told may take to say that they have got it. Milliseconds. */
const TIMEOUT_MS = { webhook: 10_000, command: 30_000 };
/** An address, or the value of a header. */
const SECRET_LIMIT = 8 * 1024;

export type Webhook = { url_file: string; headers?: Readonly<Record<string, string>> | undefined };
export type Delivered = { ok: true } | { ok: false; why: string };

/**
 * Posts a text to a webhook as JSON, with its id for whoever drops what comes twice. Redirects are not followed, the answer is not read. `why`
 * is made of our own words and of codes: an address may be a secret.
 */
export async function post(
  permit: ActingPermit,
  subject: string,
  repo: string,
  { url_file: file, headers = {} }: Webhook,
  { id, body, agent }: { id: string; body: string; agent: string },
): Promise<Delivered> {
  permit.check(subject);
  const url = addressIn(repo, file);
  if ('why' in url) return { ok: false, why: url.why };
  const sent: Record<string, string> = { 'content-type': 'application/json', 'idempotency-key': id, 'user-agent': agent };
  for (const [name, path] of Object.entries(headers)) {
    const value = secretIn(repo, path);
    if ('why' in value) return { ok: false, why: value.why };
    sent[name] = value.text;
  }
  try {
    const signal = AbortSignal.timeout(TIMEOUT_MS.webhook);
    const answer = await fetch(url.url, { method: 'POST', headers: sent, body, redirect: 'manual', signal });
    // What it says besides is not read, and that it breaks off takes nothing back.
    await answer.body?.cancel().catch(() => undefined);
    if (answer.status >= 200 && answer.status < 300) return { ok: true };
    const isElsewhere = answer.status >= 300 && answer.status < 400;
    return { ok: false, why: `it answered ${answer.status}${isElsewhere ? ', and redirects are not followed' : ''}` };
  } catch (error) {
    return { ok: false, why: unheard(error) };
  }
}

/** Gives a text to a program on its input. It stands outside the repository and is started in the account's home. */
export async function hand(
  permit: ActingPermit,
  subject: string,
  repo: string,
  [program = '', ...rest]: readonly string[],
  text: string,
): Promise<Delivered> {
  permit.check(subject);
  const own = [program, ...rest].find((word) => isInside(repo, word));
  if (own !== undefined)
    return { ok: false, why: 'its command names a file of the repository, which anybody who works there could change' };
  const command = { argv: [program, ...rest] as const, cwd: account().homedir, stdin: `${text}\n` };
  const done = await localTransport().run(command, { timeoutMs: TIMEOUT_MS.command });
  if (done.exit === 0) return { ok: true };
  if (done.notStarted) return { ok: false, why: 'its program cannot be started' };
  if (done.timedOut) return { ok: false, why: `its program did not end in ${TIMEOUT_MS.command / 1000} s` };
  return {
    ok: false,
    why: done.exit === null ? 'its program was ended by a signal' : `its program ended with exit code ${done.exit}`,
  };
}

/** https, or http on this machine: everything else would be read on its way. */
function addressIn(repo: string, file: string): { url: URL } | { why: string } {
  const secret = secretIn(repo, file);
  if ('why' in secret) return secret;
  const url = URL.canParse(secret.text) ? new URL(secret.text) : undefined;
  if (!url) return { why: `${file} holds no address` };
  if (url.username !== '' || url.password !== '')
    return { why: `the address in ${file} has a name or a password in it; use a header` };
  const isHere = /^(?:127(?:\.\d{1,3}){3}|\[::1\]|localhost)$/.test(url.hostname);
  if (url.protocol !== 'https:' && !(url.protocol === 'http:' && isHere))
    return { why: `the address in ${file} is neither https nor http on this machine` };
  return { url };
}

/** One line of a file of this account alone that lies outside the repository. */
function secretIn(repo: string, file: string): { text: string } | { why: string } {
  const path = file.startsWith('~/') ? join(account().homedir, file.slice(2)) : file;
  try {
    const seen = statOf(path);
    if (!seen) return { why: `there is no ${file}` };
    if (isInside(repo, path)) return { why: `${file} lies in the repository; secrets belong elsewhere` };
    if (seen.uid !== (process.getuid?.() ?? 0) || (seen.mode & 0o077) !== 0)
      return { why: `${file} is not yours alone: chmod 600 ${file}` };
    const text = readBytes(path, SECRET_LIMIT)?.toString('utf8').trim() ?? '';
    return /^[\x21-\x7e][\x20-\x7e]*$/.test(text) ? { text } : { why: `${file} does not hold one line of plain text` };
  } catch (error) {
    return { why: asFailure(error).message };
  }
}

/** Whether a word names something of the repository: as a path, behind an option, or within the text of a script. */
function isInside(repo: string, word: string): boolean {
  return word.includes(repo) || [word, ...word.split(/[^\w./~-]+/)].some((piece) => leadsInto(repo, piece));
}

function leadsInto(repo: string, piece: string): boolean {
  if (!piece.includes('/')) return false;
  const path = resolve(account().homedir, piece.replace(/^~\//, ''));
  return [path, realOr(path)].some((one) => one === repo || one.startsWith(repo + sep));
}

function realOr(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    return path;
  }
}

/** By the code of what is wrong with the connection: the words of such errors name addresses. */
function unheard(error: unknown): string {
  if (error instanceof Error && error.name === 'TimeoutError') return `it did not answer in ${TIMEOUT_MS.webhook / 1000} s`;
  const code = systemCode(error instanceof Error ? error.cause : undefined);
  return code !== undefined && /^[A-Z0-9_]{1,60}$/.test(code)
    ? `there is no connection to it (${code})`
    : 'there is no connection to it';
}
