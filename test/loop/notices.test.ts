import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { sealFile, stateFolder } from '../../src/runs/home.ts';
import { asking } from '../support/asking.ts';
import { killing } from '../support/cut.mjs';
import { placesOf, subset } from '../support/places.ts';
import { MAIN, until } from '../support/repo.ts';
import type { Tiny } from '../support/tiny.ts';
import { forgetTemplate, makeTiny, TINY_POLICY } from '../support/tiny.ts';
import { startWebhook } from '../support/webhook.ts';

const SECRET = 'Bearer ghp_abcdefghij0123456789ABCDEFGHIJ';
const MARKUP = '<img src=x onerror=alert(1)> ghp_zyxwvutsrq0123456789ABCDEFGHIJ';
let tiny: Tiny;
let hook: Awaited<ReturnType<typeof startWebhook>>;
let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'notices-'));
});
beforeEach(async () => {
  hook = await startWebhook();
});
afterEach(() => {
  hook.close();
  rmSync(sealFile(tiny.path), { force: true });
  tiny.remove();
});
afterAll(async () => {
  rmSync(folder, { recursive: true, force: true });
  await forgetTemplate();
});
const { answered } = asking(() => tiny);

type Sent = { sent: number; next_seconds: number | null; targets: { waiting: number; failures: number; error: string | null }[] };
const delivery = () => join(stateFolder(tiny.path), 'notices', 'to-chat.json');
/** As if the time had come to try again. */
const now = () => {
  const its = JSON.parse(readFileSync(delivery(), 'utf8')) as object;
  writeFileSync(delivery(), JSON.stringify({ ...its, next: null }));
};

/** A sealed repository whose one task says this and ends so; the server is told of it. */
async function repository(script: string, more = ''): Promise<void> {
  const secret = (name: string, text: string) => {
    writeFileSync(join(folder, name), text, { mode: 0o600 });
    return join(folder, name);
  };
  const [url, token] = [secret('url', hook.url), secret('token', SECRET)];
  tiny = await makeTiny((path) => {
    const at = join(path, 'experiments', 'plan', 'tiny', 'launch', 'run_local.sh');
    writeFileSync(at, `#!/bin/sh\n#SBATCH --time=00:01:00\n${script}`, { mode: 0o755 });
    writeFileSync(join(path, '.autolab', 'verifier_policy.yaml'), `${TINY_POLICY}${more}`);
    writeFileSync(
      join(path, '.autolab', 'notices.yaml'),
      `schema_version: "1"\nfailures: 2\nto:\n  chat: { webhook: { url_file: ${url}, headers: { Authorization: ${token} } } }\n`,
    );
  });
  expect(await tiny.typed('yes\n', 'policy', 'seal')).toMatchObject({ exit: 0 });
}

test('a run that the watcher alone takes to its end is told in order, without a word of its log; nothing twice over restarts', async () => {
  await repository(`echo '${MARKUP}'; echo '${MARKUP}' >&2; exit 3\n`);
  const { run_id: run } = await answered<{ run_id: string }>('submit');
  const watcher = execa(process.execPath, [MAIN, 'watch'], { cwd: tiny.path, stdin: 'ignore', reject: false });
  try {
    await until('its end is told', async () => hook.got.find(({ body }) => body.state === 'failed'));
    // One at a time: the second says who it is.
    const second = await tiny.run(['watch']);
    expect(second).toMatchObject({ exit: 1, stderr: expect.stringContaining(`is held by process ${watcher.pid} on `) });
    expect(await tiny.run(['monitor', '--once'])).toMatchObject({ exit: 0, stdout: expect.stringContaining('watched already') });
  } finally {
    watcher.kill('SIGTERM');
  }
  expect(await watcher).toMatchObject({ exitCode: 143, stdout: expect.stringContaining('ended; what runs goes on') });
  const states = hook.got.map(({ body }) => body.state);
  expect(states[0]).toBe('submitted');
  expect(states.at(-1)).toBe('failed');
  expect(hook.got.at(-1)?.body).toMatchObject({
    run_id: run,
    failure: 'exit_code',
    text: `run ${run} of tiny is failed: exit code`,
  });
  expect(hook.got.every(({ secret }) => secret === SECRET)).toBe(true);
  expect(hook.got.map(({ text }) => text).join('')).not.toMatch(/img|ghp_|alert/);
  for (const name of readdirSync(join(stateFolder(tiny.path), 'notices')))
    expect(readFileSync(join(stateFolder(tiny.path), 'notices', name), 'utf8'), name).not.toMatch(/ghp_|alert|hook/);

  // Another process has nothing to say again.
  const before = hook.got.length;
  expect(await answered<Sent>('notices', 'send')).toMatchObject({ sent: 0, next_seconds: null });
  expect(hook.got).toHaveLength(before);
});

test('a server that is down keeps what waits, in order, and is tried less and less often; then all of it comes once', async () => {
  await repository('exit 0\n', '  acts: { submit: ask }\n');
  expect(await tiny.run(['submit'])).toMatchObject({ exit: 1 });
  for (const [way, error] of [
    ['refuse', 'it answered 500'],
    ['redirect', 'it answered 307, and redirects are not followed'],
    ['close', expect.stringMatching(/^there is no connection to it \(/)],
  ] as const) {
    hook.set(way);
    expect((await answered<Sent>('notices', 'send')).targets).toMatchObject([{ waiting: 1, error }]);
    // Not before its time.
    const asked = hook.asked.length;
    expect((await answered<Sent>('notices', 'send')).sent).toBe(0);
    expect(hook.asked).toHaveLength(asked);
    now();
  }
  const { stdout } = await tiny.run(['notices']);
  expect(stdout).toMatch(/^chat: 1 waiting; 3 times not told since 20\S+: there is no connection/);
  hook.set('take');
  expect(await answered<Sent>('notices', 'send')).toMatchObject({ sent: 1, targets: [{ waiting: 0, failures: 0 }] });
  expect(hook.got.map(({ body }) => [body.kind, body.text])).toEqual([
    ['approval', expect.stringMatching(/^submit_run waits for a person: autolab-mcp approve ap_[0-9a-f]{12}$/)],
  ]);
  expect(hook.asked).toEqual(['refuse', 'redirect', 'close', 'take']);
  expect(await tiny.run(['notices', 'test'])).toMatchObject({ exit: 0, stdout: 'chat: it has got it' });
});

test('killed anywhere on its way, each notice comes, and what comes twice has the same id', async () => {
  await repository('exit 0\n');
  await answered('submit');
  const send = (prefix: string[]) => tiny.run(['notices', 'send'], { prefix });
  const places = await placesOf(async (prefix) => send(prefix));
  expect(hook.got.length).toBeGreaterThan(0);
  const ids = new Set(hook.got.map(({ id }) => id));
  for (const { call, nth } of subset(places, 6)) {
    hook.got.length = 0;
    rmSync(join(stateFolder(tiny.path), 'notices'), { recursive: true, force: true });
    await send(killing(call, nth));
    await send([]);
    expect(new Set(hook.got.map(({ id }) => id)), `${call} ${nth}`).toEqual(ids);
  }
});

test('what nobody has sealed is not sent, and what is not kept from others is not used', async () => {
  await repository('exit 0\n');
  rmSync(sealFile(tiny.path));
  await answered('submit');
  expect(await tiny.run(['notices', 'send'])).toMatchObject({ exit: 1, stderr: expect.stringContaining('no seal covers it') });
  expect(await tiny.typed('yes\n', 'policy', 'seal')).toMatchObject({ exit: 0 });
  writeFileSync(join(folder, 'url'), 'http://192.0.2.7/hook', { mode: 0o600 });
  expect(await tiny.run(['notices', 'test'])).toMatchObject({
    exit: 1,
    stdout: expect.stringContaining('neither https nor http on this machine'),
  });
  expect(hook.asked).toEqual([]);
});

test('a server that never answers is given up after its time, and what it did not take waits', async () => {
  await repository('exit 0\n', '  acts: { submit: ask }\n');
  await tiny.run(['submit']);
  hook.set('hang');
  expect((await answered<Sent>('notices', 'send')).targets).toMatchObject([
    { waiting: 1, failures: 1, error: expect.stringMatching(/within 10 s|no answer|did not answer/) },
  ]);
  hook.set('take');
  now();
  expect(await answered<Sent>('notices', 'send')).toMatchObject({ sent: 1, targets: [{ waiting: 0 }] });
});

test('a program gets what a server would: failures in a row and a budget that is nearly used', async () => {
  const page = join(folder, 'page');
  const got = join(folder, 'pages');
  writeFileSync(page, `#!/bin/sh\ncat >>'${got}'\n`, { mode: 0o755 });
  tiny = await makeTiny((path) => {
    const at = join(path, 'experiments', 'plan', 'tiny', 'launch', 'run_local.sh');
    writeFileSync(at, '#!/bin/sh\n#SBATCH --time=00:10:00\nexit 3\n', { mode: 0o755 });
    writeFileSync(
      join(path, '.autolab', 'verifier_policy.yaml'),
      TINY_POLICY.replace('limits:\n', 'limits:\n    spend: { cpu_hours: { iteration: { deny: 0.2 } } }\n'),
    );
    writeFileSync(
      join(path, '.autolab', 'notices.yaml'),
      `schema_version: "1"\nbudgets: [80]\nfailures: 2\nto:\n  desk: { command: [${page}], kinds: [budget, failures] }\n`,
    );
  });
  expect(await tiny.typed('yes\n', 'policy', 'seal')).toMatchObject({ exit: 0 });
  for (const _ of [1, 2]) {
    await answered('submit', '--again');
    // One of ten minutes counts at its worst case until it is over: 0.167 of 0.2.
    await answered('notices', 'send');
    await until('it has ended', async () => (await answered<{ all_over: boolean }>('monitor')).all_over || undefined);
  }
  await answered('notices', 'send');
  const told = readFileSync(got, 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as { kind: string; text: string });
  expect(told.filter(({ kind }) => kind === 'failures')).toMatchObject([{ text: expect.stringContaining('2 ') }]);
  expect(told.filter(({ kind }) => kind === 'budget')[0]).toMatchObject({
    text: expect.stringContaining('limits.spend.cpu_hours.iteration'),
  });
  expect(told.every(({ kind }) => kind === 'failures' || kind === 'budget')).toBe(true);
});

test.each([
  ['submitted', ['submit', '--again']],
  ['opened again', ['retry']],
])(
  'a run that is %s while the watcher tells of others is watched, although nothing was waited for when it looked',
  async (_what, words) => {
    const [page, begun, go] = ['page-slow', `begun-${words[0]}`, `go-${words[0]}`].map((name) => join(folder, name));
    writeFileSync(page ?? '', `#!/bin/sh\ncat >/dev/null\n: >'${begun}'\nwhile [ ! -e '${go}' ]; do sleep 0.1; done\n`, {
      mode: 0o755,
    });
    tiny = await makeTiny((path) => {
      const at = join(path, 'experiments', 'plan', 'tiny', 'launch', 'run_local.sh');
      writeFileSync(at, '#!/bin/sh\n#SBATCH --time=00:10:00\nexit 3\n', { mode: 0o755 });
      writeFileSync(join(path, '.autolab', 'notices.yaml'), `schema_version: "1"\nto:\n  desk: { command: [${page}] }\n`);
    });
    expect(await tiny.typed('yes\n', 'policy', 'seal')).toMatchObject({ exit: 0 });
    const { run_id: first } = await answered<{ run_id: string }>('submit');
    await until('it has ended', async () => (await answered<{ all_over: boolean }>('monitor')).all_over || undefined);
    const watcher = execa(process.execPath, [MAIN, 'watch'], { cwd: tiny.path, stdin: 'ignore', reject: false });
    try {
      await until('it tells of the first', async () => existsSync(begun ?? '') || undefined);
      const isNew = words.length > 1;
      const { run_id: second } = await answered<{ run_id: string }>(...words, ...(isNew ? [] : [first]));
      writeFileSync(go ?? '', '');
      await until('the second is taken to its end', async () => {
        const rows = readFileSync(join(tiny.iteration, 'runs', second, 'gate', 'journal.jsonl'), 'utf8')
          .trim()
          .split('\n');
        return rows.filter((row) => row.includes('"to":"failed"')).length === (isNew ? 1 : 2) || undefined;
      });
    } finally {
      watcher.kill('SIGTERM');
    }
    expect((await watcher).exitCode).toBe(143);
  },
);

test('what waits comes in order; an answer that breaks off behind its 200 is one; a lost cursor loses nothing', async () => {
  await repository('exit 0\n', '  acts: { submit: ask }\n');
  for (const more of ['one', 'two', 'three']) {
    writeFileSync(join(tiny.path, 'experiments', 'plan', 'tiny', 'hypothesis.md'), `# Hypothesis\n\n${more}\n`);
    writeFileSync(join(tiny.iteration, 'launch', 'run_local.sh'), `#!/bin/sh\n#SBATCH --time=00:01:00\nexit 0 # ${more}\n`);
    await tiny.run(['submit']);
  }
  hook.set('break');
  expect(await answered<Sent>('notices', 'send')).toMatchObject({ sent: 3, targets: [{ waiting: 0, failures: 0 }] });
  const { approvals } = await answered<{ approvals: { id: string }[] }>('approvals');
  expect(hook.got.map(({ body }) => body.approval)).toEqual(approvals.map(({ id }) => id));
  const ids = hook.got.map(({ id }) => id);
  const cursor = join(stateFolder(tiny.path), 'notices', 'cursor.json');
  writeFileSync(cursor, '{"schema_version": "1", "since"');
  expect(await tiny.run(['notices', 'send'])).toMatchObject({
    exit: 1,
    stderr: expect.stringContaining(`or remove it: what happened`),
  });
  // Also where what was sent is kept no more.
  rmSync(cursor);
  rmSync(join(stateFolder(tiny.path), 'notices', 'outbox.jsonl'));
  hook.set('take');
  hook.got.length = 0;
  expect(await answered<Sent>('notices', 'send')).toMatchObject({ sent: 3 });
  expect(hook.got.map(({ id }) => id)).toEqual(ids);
});

test('a run that fails again after a retry is not another one that failed', async () => {
  await repository('exit 3\n');
  const { run_id: run } = await answered<{ run_id: string }>('submit');
  const over = () => until('it is over', async () => (await answered<{ all_over: boolean }>('monitor')).all_over || undefined);
  await over();
  await answered('retry', run);
  await over();
  await answered('notices', 'send');
  const kinds = () => hook.got.filter(({ body }) => body.kind === 'failures').map(({ body }) => body.text);
  expect(kinds()).toEqual([]);
  const { run_id: second } = await answered<{ run_id: string }>('submit', '--again');
  await over();
  await answered('notices', 'send');
  expect(kinds()).toEqual([`2 runs of tiny have failed in a row, the last is ${second}`]);
});

test('a command that names a file of the repository is not started, wherever in its words that stands', async () => {
  const got = join(folder, 'started');
  const page = join(folder, 'page-own');
  writeFileSync(page, `#!/bin/sh\n: >'${got}'\n`, { mode: 0o755 });
  for (const words of [`"--config=${'@'}/page.conf"`, `"-c", ". ${'@'}/page.sh"`]) {
    tiny = await makeTiny((path) => {
      const command = `[${page}, ${words.replace('@', path)}]`;
      writeFileSync(join(path, '.autolab', 'notices.yaml'), `schema_version: "1"\nto:\n  desk: { command: ${command} }\n`);
    });
    expect(await tiny.typed('yes\n', 'policy', 'seal')).toMatchObject({ exit: 0 });
    expect(await tiny.run(['notices', 'test'])).toMatchObject({
      exit: 1,
      stdout: expect.stringContaining('its command names a file of the repository'),
    });
    expect(existsSync(got)).toBe(false);
    if (words.startsWith('"--')) {
      rmSync(sealFile(tiny.path));
      tiny.remove();
    }
  }
});
