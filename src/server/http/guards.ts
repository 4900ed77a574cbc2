import type { IncomingMessage } from 'node:http';
import { strangerIn } from '../../base/strangers.ts';
import type { Refusal } from './answers.ts';
import { TRANSPORT } from './answers.ts';
import type { Tokens } from './tokens.ts';

export const PATH = '/mcp';
/** Who is on the socket, which lets in one account alone. */
export const SOCKET = 'socket';

/** Refuses what a web page in somebody's browser can send. */
export function strangers({ headers }: IncomingMessage): Refusal | undefined {
  const site = headers['sec-fetch-site'];
  const what = strangerIn({ host: headers.host, origin: headers.origin, site: typeof site === 'string' ? site : undefined });
  if (what === undefined) return undefined;
  return {
    status: 403,
    code: TRANSPORT,
    message: `${what}: this server answers to localhost, 127.0.0.1 and [::1] alone. Reach it through a tunnel to one of them.`,
  };
}

/** Refuses what is not addressed to the one endpoint in a way that it takes. */
export function misaddressed({ url = '', method = '', headers }: IncomingMessage): Refusal | undefined {
  if (url.split('?')[0] !== PATH) return { status: 404, code: TRANSPORT, message: `there is nothing here; MCP is at ${PATH}` };
  const session = headers['mcp-session-id'] !== undefined;
  if (method !== 'POST' && !(session && (method === 'GET' || method === 'DELETE'))) {
    const message = 'POST takes messages; GET and DELETE are for the sessions of 2025 clients';
    return { status: 405, code: TRANSPORT, message, headers: { allow: session ? 'GET, POST, DELETE' : 'POST' } };
  }
  if (method !== 'POST') return undefined;
  const type = (headers['content-type'] ?? '').split(';')[0]?.trim().toLowerCase();
  const coding = headers['content-encoding'] ?? 'identity';
  if (type === 'application/json' && coding === 'identity') return undefined;
  return { status: 415, code: TRANSPORT, message: 'the body has to be application/json, without a content encoding' };
}

/** Who is asking: the name of the token, or the socket. Without tokens everybody whom the socket lets in is the same. */
export function whoIs({ headers }: IncomingMessage, tokens: Tokens | undefined): { who: string } | { refusal: Refusal } {
  if (tokens === undefined) return { who: SOCKET };
  const given = /^bearer +([^ ]+) *$/i.exec(headers.authorization ?? '')?.[1];
  const who = given === undefined ? undefined : tokens.nameOf(given);
  if (who !== undefined) return { who };
  const challenge = `Bearer realm="autolab-mcp"${given === undefined ? '' : ', error="invalid_token"'}`;
  const what = given === undefined ? 'a bearer token is needed' : 'the token is not one of this server';
  const message = `${what}: send "Authorization: Bearer" with a line of its token file`;
  return { refusal: { status: 401, code: TRANSPORT, message, headers: { 'www-authenticate': challenge } } };
}
