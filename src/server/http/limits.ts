/** What one server gives at most to those who may use it. An agent needs a small part of each. */
export type Limits = {
  /** Of a request's body. */
  bodyBytes: number;
  connections: number;
  /** Requests of one token, or of all on the socket: so many at once, and so many a second from then on. A batch counts each of its messages. */
  burst: number;
  perSecond: number;
  /** 2025 clients that are known at a time, and how long one may be silent. */
  sessions: number;
  idleMs: number;
  /** Streams of changes that 2026 clients listen to. */
  subscriptions: number;
  /** What is kept of the messages to one 2025 client, so that a stream that broke can be taken up again. */
  replayMessages: number;
  replayBytes: number;
  /** How long the answers to calls that have ended may take to be delivered when the server stops. */
  farewellMs: number;
};

export const LIMITS: Limits = {
  bodyBytes: 1024 * 1024,
  connections: 64,
  burst: 400,
  perSecond: 50,
  sessions: 32,
  idleMs: 30 * 60_000,
  subscriptions: 16,
  replayMessages: 500,
  replayBytes: 4 * 1024 * 1024,
  farewellMs: 2000,
};
