import { mkdtempSync, realpathSync, rmSync } from 'node:fs';
import type { IncomingMessage, RequestOptions } from 'node:http';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { execa } from 'execa';
import { MAIN } from '../../support/repo.ts';

/** A folder that its owner alone may enter, as one for a socket has to be. */
export function ownFolder(): { path: string; remove(): void } {
  const path = realpathSync(mkdtempSync(join(tmpdir(), 'autolab-http-')));
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) };
}

export type Running = {
  /** What it said when it was ready. */
  said: string;
  pid: number;
  kill(signal: NodeJS.Signals): void;
  ended: Promise<{ exit: number | undefined; stderr: string; stdout: string }>;
};

/** The built server, once it listens; fails with what it said where it ends instead. */
export async function serve(cwd: string, args: readonly string[], env: Record<string, string> = {}): Promise<Running> {
  const child = execa(process.execPath, [MAIN, 'serve', '--http', ...args], { cwd, env, reject: false, stdin: 'ignore' });
  const ended = child.then(({ exitCode, stderr, stdout }) => ({ exit: exitCode, stderr, stdout }));
  const lines = createInterface({ input: child.stderr });
  const ready = new Promise<string>((resolve) => lines.once('line', resolve));
  const first = await Promise.race([ready, ended]);
  if (typeof first !== 'string' || !first.startsWith('autolab-mcp serves')) throw new Error((await ended).stderr);
  return { said: first, pid: child.pid ?? 0, kill: (signal) => void child.kill(signal), ended };
}

export const JSON_HEADERS = { 'content-type': 'application/json', accept: 'application/json, text/event-stream' };
export const INITIALIZE = {
  jsonrpc: '2.0',
  id: 1,
  method: 'initialize',
  params: { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'raw', version: '1' } },
};

export type Answer = { status: number; headers: IncomingMessage['headers']; body: string };
/** One request, as it is given and no better. */
export function raw(options: RequestOptions, body?: unknown): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const asked = request({ path: '/mcp', method: body === undefined ? 'GET' : 'POST', ...options }, (answer) => {
      const parts: Buffer[] = [];
      answer.on('data', (part) => parts.push(part));
      answer.on('end', () =>
        resolve({ status: answer.statusCode ?? 0, headers: answer.headers, body: Buffer.concat(parts).toString('utf8') }),
      );
      answer.on('error', reject);
    });
    asked.on('error', reject);
    asked.end(body === undefined || typeof body === 'string' || body instanceof Uint8Array ? body : JSON.stringify(body));
  });
}
