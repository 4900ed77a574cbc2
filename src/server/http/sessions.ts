import { randomBytes } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { NodeStreamableHTTPServerTransport } from '@modelcontextprotocol/node';
import type { McpServer } from '@modelcontextprotocol/server';
import { isInitializeRequest } from '@modelcontextprotocol/server';
import { NO_SESSION, refuse, TRANSPORT } from './answers.ts';
import { asksFor } from './body.ts';
import type { DoorOptions } from './door.ts';
import { replayStore } from './replay.ts';

type Session = {
  transport: NodeStreamableHTTPServerTransport;
  server: McpServer;
  who: string;
  open: number;
  used: number;
  /** From when it watches something: to be called when it has ended. */
  unwatch?: () => void;
};

export type Sessions = {
  /** Serves one request of a 2025 client: in its session, or with a new one where it initializes. */
  serve(req: IncomingMessage, res: ServerResponse, who: string, body?: unknown): Promise<void>;
  /** Ends every session and its streams. */
  close(): Promise<void>;
};

type SessionOptions = Omit<DoorOptions, 'build' | 'tokens'> & { build(who: string): McpServer };

/**
 * The sessions of 2025 clients, each a server object of its own, so that the client can be asked. A session belongs to whom it was begun
 * by: to anybody else it is not there. One that is silent for too long ends; where there are too many, the longest silent one does.
 */
export function openSessions({ build, watching, limits, warn }: SessionOptions): Sessions {
  const sessions = new Map<string, Session>();
  const end = async (id: string): Promise<void> => {
    const session = sessions.get(id);
    sessions.delete(id);
    await session?.server.close();
  };
  const silent = () => [...sessions].filter(([, { open }]) => open === 0).sort(([, a], [, b]) => a.used - b.used);
  const sweep = setInterval(
    () => {
      for (const [id, { used }] of silent()) if (performance.now() - used > limits.idleMs) void end(id);
    },
    Math.min(limits.idleMs, 60_000),
  );
  sweep.unref();

  const begin = async (who: string): Promise<Session> => {
    const transport = new NodeStreamableHTTPServerTransport({
      sessionIdGenerator: () => randomBytes(24).toString('base64url'),
      eventStore: replayStore(limits),
      retryInterval: 1000,
      maxRequestBodySize: limits.bodyBytes,
      onsessioninitialized: (id) => void sessions.set(id, session),
    });
    transport.onclose = () => {
      session.unwatch?.();
      if (transport.sessionId !== undefined) sessions.delete(transport.sessionId);
    };
    const server = build(who);
    const session: Session = { transport, server, who, open: 0, used: performance.now() };
    transport.onerror = (error) => warn(`http: ${error.message}`);
    await server.connect(transport);
    return session;
  };

  const within = async (session: Session, req: IncomingMessage, res: ServerResponse, body: unknown): Promise<void> => {
    session.open += 1;
    if (session.unwatch === undefined && asksFor(body, 'resources/subscribe')) session.unwatch = watching();
    res.once('close', () => {
      session.open -= 1;
      session.used = performance.now();
    });
    await session.transport.handleRequest(req, res, body);
  };

  return {
    serve: async (req, res, who, body) => {
      const id = req.headers['mcp-session-id'];
      if (id !== undefined) {
        const session = typeof id === 'string' ? sessions.get(id) : undefined;
        return session?.who === who ? within(session, req, res, body) : refuse(res, NO_SESSION);
      }
      if (!isInitializeRequest(body)) {
        const message = 'no session: a 2025 client initializes first, and sends the Mcp-Session-Id it is given';
        return refuse(res, { status: 400, code: TRANSPORT, message });
      }
      const [longest] = silent();
      if (sessions.size >= limits.sessions && longest === undefined) {
        const message = `${limits.sessions} sessions are open; end one, or wait`;
        return refuse(res, { status: 503, code: TRANSPORT, message, headers: { 'retry-after': '30' } });
      }
      if (sessions.size >= limits.sessions && longest) await end(longest[0]);
      const session = await begin(who);
      await within(session, req, res, body);
      if (session.transport.sessionId === undefined) await session.server.close();
    },
    close: async () => {
      clearInterval(sweep);
      await Promise.all([...sessions.keys()].map(end));
    },
  };
}
