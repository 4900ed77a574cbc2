import type { Socket } from 'node:net';
import { connect, createServer } from 'node:net';

/** The line between a client and a server on this machine: TCP that can be cut, or silently carry nothing any more. */
export type Link = {
  port: number;
  /** Bytes that came from the server since `forget`. */
  heard(): number;
  forget(): void;
  /** Ends every connection now, and gives how many there were; new ones can be made. */
  cut(): number;
  /** The same as soon as so many bytes more have come from the server. */
  cutAfter(bytes: number): void;
  /** Nothing arrives any more in either direction, and nobody is told; until `thaw`. */
  freeze(): void;
  thaw(): void;
  close(): Promise<void>;
};

export async function startLink(to: number): Promise<Link> {
  const pairs = new Set<[Socket, Socket]>();
  let [heard, limit, isFrozen] = [0, Number.POSITIVE_INFINITY, false];
  const cut = () => {
    const many = pairs.size;
    for (const pair of pairs) for (const end of pair) end.destroy();
    pairs.clear();
    return many;
  };
  const server = createServer((near) => {
    const far = connect(to, '127.0.0.1');
    const pair: [Socket, Socket] = [near, far];
    pairs.add(pair);
    for (const [from, other] of [pair, [far, near] as const]) {
      if (isFrozen) from.pause();
      from.on('error', () => undefined);
      from.on('close', () => {
        other.destroy();
        pairs.delete(pair);
      });
      from.on('data', (chunk: Buffer) => {
        if (from === near) return void far.write(chunk);
        const rest = limit - heard;
        heard += chunk.length;
        if (chunk.length < rest) return void near.write(chunk);
        limit = Number.POSITIVE_INFINITY;
        near.write(chunk.subarray(0, rest), () => void cut());
      });
    }
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  const all = (act: 'pause' | 'resume') => {
    isFrozen = act === 'pause';
    for (const pair of pairs) for (const end of pair) end[act]();
  };
  return {
    port: address.port,
    heard: () => heard,
    forget: () => {
      heard = 0;
    },
    cut,
    cutAfter: (bytes) => {
      [heard, limit] = [0, bytes];
    },
    freeze: () => all('pause'),
    thaw: () => all('resume'),
    close: async () => {
      cut();
      await new Promise((done) => server.close(done));
    },
  };
}
