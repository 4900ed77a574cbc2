import { resolve } from 'node:path';

/** Where to serve: on a socket, of the usual name if none is given, or on a port of the loopback. */
export type HttpPlace =
  | { socket?: string; port?: undefined; tokenFile?: string }
  | { host: string; port: number; tokenFile: string };

export const HTTP_OPTIONS = {
  http: { type: 'boolean' },
  socket: { type: 'string' },
  port: { type: 'string' },
  host: { type: 'string' },
  'token-file': { type: 'string' },
} as const;
export const HTTP_USAGE = '[--http [--socket PATH | --port N [--host ::1]] [--token-file FILE]]';

type Given = { [name in keyof typeof HTTP_OPTIONS]?: string | boolean | undefined };

/** What the command line says of it; undefined for stdio. Throws an Error in words where that does not fit together. */
export function httpPlace(given: Given, start: string): HttpPlace | undefined {
  const text = (name: keyof Given) => (typeof given[name] === 'string' ? given[name] : undefined);
  const [socket, port, host, file] = [text('socket'), text('port'), text('host'), text('token-file')];
  if (given.http !== true) {
    const [extra] = (['socket', 'port', 'host', 'token-file'] as const).filter((name) => given[name] !== undefined);
    if (extra !== undefined) throw new Error(`--${extra} goes with --http`);
    return undefined;
  }
  const tokenFile = file === undefined ? {} : { tokenFile: resolve(start, file) };
  if (port === undefined) {
    if (host !== undefined) throw new Error('--host goes with --port');
    return { ...(socket === undefined ? {} : { socket: resolve(start, socket) }), ...tokenFile };
  }
  if (socket !== undefined) throw new Error('--socket and --port are two places: give one');
  if (!/^\d{1,5}$/.test(port) || Number(port) > 65_535)
    throw new Error(`--port takes a number up to 65535, not ${JSON.stringify(port)}`);
  if (host !== undefined && host !== '127.0.0.1' && host !== '::1') {
    throw new Error(
      `--host takes 127.0.0.1 or ::1, not ${JSON.stringify(host)}: the server is for this machine and for tunnels to it`,
    );
  }
  if (!('tokenFile' in tokenFile)) throw new Error('--port needs --token-file: everybody on this machine shares its loopback');
  return { host: host ?? '127.0.0.1', port: Number(port), tokenFile: tokenFile.tokenFile };
}
