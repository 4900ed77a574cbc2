import { execFileSync } from 'node:child_process';
import { closeSync, mkdirSync, openSync, readFileSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** What may have become of a file; each gives the start of a command line under which it is met, where the file alone does not do. */
export const DAMAGES = {
  'cut early': (path) => cut(path, (size) => Math.floor(size / 3)),
  'cut late': (path) => cut(path, (size) => Math.max(1, size - 3)),
  'cut in a character': (path) => {
    const text = readFileSync(path);
    writeFileSync(path, Buffer.concat([text.subarray(0, Math.ceil(text.length / 2)), Buffer.from('é').subarray(0, 1)]));
  },
  empty: (path) => put(path, ''),
  'another map': (path) => put(path, '{"hello": "world"}\n'),
  'its version alone': (path) =>
    put(path, /(?:"schema_version"|"v"): ?[^,\s]+/.exec(readFileSync(path, 'utf8'))?.[0].replace(/^.*$/, '{$&}\n') ?? '{}\n'),
  'a list': (path) => put(path, '[]\n'),
  binary: (path) => put(path, Buffer.from(Array.from({ length: 4096 }, (_, at) => (at * 197 + (at >> 3)) % 256))),
  newer: (path) => put(path, newer(readFileSync(path, 'utf8'))),
  'a folder': (path) => {
    rmSync(path);
    mkdirSync(path);
  },
  'a pipe': (path) => {
    rmSync(path);
    execFileSync('mkfifo', [path]);
  },
  'a link to something else': (path) => {
    rmSync(path);
    writeFileSync(join(dirname(path), 'elsewhere'), 'not yours\n');
    symlinkSync('elsewhere', path);
  },
  'a link in a circle': (path) => {
    rmSync(path);
    symlinkSync(path.slice(path.lastIndexOf('/') + 1), path);
  },
  '100 MB': (path) => truncateSync(path, 100 * 1024 * 1024),
  'not readable': (_path, inside) => [
    'sh',
    '-c',
    'chmod 000 "$0" && exec setpriv --bounding-set=-dac_override,-dac_read_search "$@"',
    inside,
  ],
  'a broken disk': (_path, inside) => [
    'strace',
    '-qq',
    '-o',
    '/dev/null',
    '-P',
    inside,
    '-e',
    'trace=read,pread64',
    '-einject=read,pread64:error=EIO:when=1+',
  ],
} satisfies Record<string, (path: string, inside: string) => unknown>;
export type Damage = keyof typeof DAMAGES;

function put(path: string, content: string | Uint8Array): void {
  closeSync(openSync(path, 'a'));
  writeFileSync(path, content);
}

function cut(path: string, to: (size: number) => number): void {
  const content = readFileSync(path);
  writeFileSync(path, content.subarray(0, to(content.length)));
}

/** The same as a later version of this program may write it: the first line of a log, or the whole. */
function newer(text: string): string {
  return text
    .replace(/^\{"v":1,/, '{"v":99,')
    .replace(/"schema_version": ?"[^"]*"/, '"schema_version": "99"')
    .replace(/^schema_version: .*$/m, 'schema_version: "99"');
}
