import { connect, createServer } from 'node:net';

/** A port of the loopback that leads to a socket, as `ssh -L PORT:SOCKET` makes one. */
export async function tunnelTo(socket: string): Promise<{ port: number; close(): void }> {
  const server = createServer((near) => {
    const far = connect(socket);
    for (const [one, other] of [
      [near, far],
      [far, near],
    ] as const) {
      one.on('error', () => other.destroy());
      one.on('close', () => other.destroy());
      one.pipe(other);
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const at = server.address();
  if (typeof at !== 'object' || at === null) throw new Error('a server without a port');
  return { port: at.port, close: () => void server.close() };
}
