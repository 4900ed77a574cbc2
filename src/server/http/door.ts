import type { IncomingMessage, ServerResponse } from 'node:http';
import { toNodeHandler, toWebRequest } from '@modelcontextprotocol/node';
import type { McpServer, ServerNotifier } from '@modelcontextprotocol/server';
import { createMcpHandler, isLegacyRequest } from '@modelcontextprotocol/server';
import type { Refusal } from './answers.ts';
import { refuse, TRANSPORT } from './answers.ts';
import { asksFor, readBody } from './body.ts';
import { misaddressed, PATH, SOCKET, strangers, whoIs } from './guards.ts';
import type { Limits } from './limits.ts';
import { rateLimit } from './rate.ts';
import { openSessions } from './sessions.ts';
import type { Tokens } from './tokens.ts';

export type Era = 'legacy' | 'modern';
export type DoorOptions = {
  /** One server object: for a request of a 2026 client, for the session of a 2025 client. `who` is the token's name, or the socket. */
  build(who: string, era: Era): McpServer;
  /** Somebody begins to watch for changes; what is returned is called when they have ended. */
  watching(): () => void;
  /** Without them whoever can connect may come in. */
  tokens: Tokens | undefined;
  limits: Limits;
  warn(message: string): void;
};
export type Door = {
  /** Never rejects: every request gets an answer, or its connection is closed. */
  answer(req: IncomingMessage, res: ServerResponse): Promise<void>;
  /** Tells 2026 clients that listen what has changed. */
  notify: ServerNotifier;
  /** Lets nobody in any more, waits for what has begun and for its answers to be delivered, and ends every stream. */
  close(begun: () => Promise<void>): Promise<void>;
};

/** Streamable HTTP for both protocol generations at one path: 2026 requests stand alone, 2025 requests belong to sessions. */
export function openDoor({ build, watching, tokens, limits, warn }: DoorOptions): Door {
  const modern = createMcpHandler(({ authInfo }) => build(authInfo?.clientId ?? SOCKET, 'modern'), {
    legacy: 'reject',
    maxSubscriptions: limits.subscriptions,
    maxRequestBodySize: limits.bodyBytes,
    onerror: (error) => warn(`http: ${error.message}`),
  });
  const serveModern = toNodeHandler(modern, { onerror: (error) => warn(`http: ${error.message}`) });
  const sessions = openSessions({ build: (who) => build(who, 'legacy'), watching, limits, warn });
  const secondsOver = rateLimit(limits);
  const calls = new Set<Promise<void>>();
  let closing = false;

  const serve = async (req: IncomingMessage, res: ServerResponse): Promise<void> => {
    const stranger = strangers(req);
    if (stranger) return refuse(res, stranger);
    const asked = whoIs(req, tokens);
    if ('refusal' in asked) return refuse(res, asked.refusal);
    const wrong = misaddressed(req);
    if (wrong) return refuse(res, wrong);
    const { who } = asked;
    const early = tooMany(secondsOver(who, 1));
    if (early) return refuse(res, early);
    const read = req.method === 'POST' ? await readBody(req, limits.bodyBytes) : { body: undefined };
    if ('refusal' in read) return refuse(res, read.refusal);
    const { body } = read;
    const late = tooMany(Array.isArray(body) && body.length > 1 ? secondsOver(who, body.length - 1) : 0);
    if (late) return refuse(res, late);
    if (closing) return refuse(res, STOPPING);
    if (asksFor(body, 'tools/call')) remember(calls, res);
    if (req.method !== 'POST') return sessions.serve(req, res, who);
    const post = Object.assign(req, { method: 'POST', url: PATH, auth: { token: '', clientId: who, scopes: [] } });
    if (await isLegacyRequest(await toWebRequest(post, body), body)) return sessions.serve(post, res, who, body);
    if (asksFor(body, 'subscriptions/listen')) res.once('close', watching());
    return serveModern(post, res, body);
  };

  return {
    notify: modern.notify,
    answer: async (req, res) => {
      try {
        if (closing) return refuse(res, STOPPING);
        await serve(req, res);
      } catch (error) {
        // A client that goes away in the middle of its request is nothing to talk about.
        if (!req.destroyed) warn(`http: ${error instanceof Error ? error.message : String(error)}`);
        refuse(res, { status: 500, code: -32_603, message: 'a defect of this server; its standard error says more' });
      }
    },
    close: async (begun) => {
      closing = true;
      await begun();
      // A call whose user is being asked has no answer to come; it is not waited for.
      await within(Promise.all(calls), limits.farewellMs);
      await Promise.all([sessions.close(), modern.close()]);
    },
  };
}

function tooMany(seconds: number): Refusal | undefined {
  if (seconds === 0) return undefined;
  const message = `too many requests; wait ${seconds} s`;
  return { status: 429, code: TRANSPORT, message, headers: { 'retry-after': String(seconds) } };
}

const STOPPING = { status: 503, code: TRANSPORT, message: 'the server is stopping', headers: { 'retry-after': '5' } };

function remember(calls: Set<Promise<void>>, res: ServerResponse): void {
  const delivered = new Promise<void>((resolve) => res.once('close', () => resolve()));
  calls.add(delivered);
  void delivered.then(() => calls.delete(delivered));
}

async function within(work: Promise<unknown>, ms: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  await Promise.race([
    work,
    new Promise((resolve) => {
      timer = setTimeout(resolve, ms);
    }),
  ]);
  clearTimeout(timer);
}
