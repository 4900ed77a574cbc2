import type { ServerResponse } from 'node:http';

/** What a request is told that is not let through: the status of HTTP, and the error of JSON-RPC that clients look for. */
export type Refusal = { status: number; code: number; message: string; headers?: Record<string, string> };

/** Where no code of JSON-RPC says it better: the transport's own. */
export const TRANSPORT = -32_000;
export const NO_SESSION: Refusal = { status: 404, code: -32_001, message: 'Session not found. Initialize again.' };

/** Answers once; a connection that was let through no further is closed, so that nothing more is read from it. */
export function refuse(res: ServerResponse, { status, code, message, headers = {} }: Refusal): void {
  if (res.headersSent || res.destroyed) {
    res.destroy();
    return;
  }
  const body = JSON.stringify({ jsonrpc: '2.0', error: { code, message }, id: null });
  res.writeHead(status, { 'content-type': 'application/json', connection: 'close', ...headers }).end(body);
}
