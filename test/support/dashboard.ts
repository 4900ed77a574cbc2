import { request } from 'node:http';
import { execa } from 'execa';
import type { Identity } from './repo.ts';
import { OURSELVES, until } from './repo.ts';

export type Answered = { status: number; headers: Record<string, string | string[] | undefined>; body: string };
export type Dashboard = {
  /** The address that it printed first, and the path that all its addresses begin with. */
  address: string;
  base: string;
  port: number;
  /** Types Enter and gives the address that is printed then. */
  another(): Promise<string>;
  /** One request, with whatever headers. */
  ask(path: string, options?: { method?: string; headers?: Record<string, string>; body?: string }): Promise<Answered>;
  /** Goes in by the first address: the cookie as it is sent back. */
  enter(): Promise<string>;
  /** Ends it by a signal; its exit code. */
  close(): Promise<number>;
};

const PRINTED = /http:\/\/127\.0\.0\.1:(\d+)(\/[\w-]+)\/enter\?token=[\w-]+/g;

/** A dashboard as somebody starts it, at a terminal or without one. */
export async function openDashboard(
  cwd: string,
  { terminal = true, identity = OURSELVES, words = [] }: { terminal?: boolean; identity?: Identity; words?: string[] } = {},
): Promise<Dashboard> {
  const command = [...identity.words, 'dashboard', ...words];
  const quoted = command.map((word) => `'${word}'`).join(' ');
  const options = { cwd, reject: false, all: true, buffer: false } as const;
  const running = terminal
    ? execa('script', ['-qefc', `exec ${quoted}`, '/dev/null'], { ...options, stdin: 'pipe' })
    : execa(command[0] ?? '', command.slice(1), { ...options, stdin: 'ignore' });
  let said = '';
  running.all.setEncoding('utf8').on('data', (text: string) => {
    said += text;
  });
  const ended = running.then(({ exitCode }) => exitCode ?? -1);
  let isOver = false;
  void ended.then(() => {
    isOver = true;
  });
  const printed = (nth: number) =>
    until(`address ${nth} is printed`, async () => {
      const found = [...said.matchAll(PRINTED)][nth];
      if (found === undefined && isOver) throw new Error(`the dashboard ended: ${said}`);
      return found;
    });
  const [address, port = '', base = ''] = await printed(0);
  const ask: Dashboard['ask'] = (path, { method = 'GET', headers = {}, body } = {}) =>
    new Promise((resolve, reject) => {
      const sent = request({ host: '127.0.0.1', port, path, method, headers }, (answer) => {
        let text = '';
        answer.setEncoding('utf8').on('data', (part: string) => {
          text += part;
        });
        answer.on('end', () => resolve({ status: answer.statusCode ?? 0, headers: answer.headers, body: text }));
      });
      sent.on('error', reject);
      sent.end(body);
    });
  let count = 1;
  return {
    address,
    base,
    port: Number(port),
    another: async () => {
      running.stdin?.write('\n');
      return (await printed(count++))[0];
    },
    ask,
    enter: async () => {
      const url = new URL(address);
      const { headers } = await ask(`${url.pathname}${url.search}`);
      const [cookie = ''] = [headers['set-cookie'] ?? []].flat();
      return cookie.split(';')[0] ?? '';
    },
    close: async () => {
      running.kill('SIGTERM');
      return ended;
    },
  };
}
