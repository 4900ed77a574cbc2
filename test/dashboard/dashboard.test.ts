import { readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { execa } from 'execa';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { Dashboard } from '../support/dashboard.ts';
import { openDashboard } from '../support/dashboard.ts';
import { until } from '../support/repo.ts';
import type { Tiny } from '../support/tiny.ts';
import { forgetTemplate, makeTiny, TINY_POLICY } from '../support/tiny.ts';

const ASKS = TINY_POLICY.replace('gate:\n', 'gate:\n  acts: { submit: ask }\n  approve: page\n');

let tiny: Tiny;
let dashboard: Dashboard | undefined;
beforeAll(async () => {
  tiny = await makeTiny((path) => writeFileSync(join(path, '.autolab', 'verifier_policy.yaml'), ASKS));
});
afterEach(async () => {
  await dashboard?.close();
  dashboard = undefined;
});
afterAll(async () => {
  tiny?.remove();
  await forgetTemplate();
});

/** A dashboard and somebody who is in. */
async function entered(options: Parameters<typeof openDashboard>[1] = {}) {
  const open = await openDashboard(tiny.path, options);
  dashboard = open;
  const cookie = await open.enter();
  const origin = `http://127.0.0.1:${open.port}`;
  return {
    open,
    see: (path: string, headers: Record<string, string> = {}) =>
      open.ask(`${open.base}${path}`, { headers: { cookie, ...headers } }),
    change: (path: string, method: string) => open.ask(`${open.base}${path}`, { method, headers: { cookie, origin } }),
    send: (path: string, form: Record<string, string>, headers: Record<string, string> = { origin }) =>
      open.ask(`${open.base}${path}`, {
        method: 'POST',
        headers: { cookie, 'content-type': 'application/x-www-form-urlencoded', ...headers },
        body: new URLSearchParams(form).toString(),
      }),
  };
}

/** A question that waits: its id and its digest. */
async function question(): Promise<{ id: string; digest: string }> {
  expect((await tiny.run(['submit', '--again'])).stderr).toContain('or answers on the page that autolab-mcp dashboard opens');
  const { stdout } = await tiny.run(['approvals', '--json']);
  const { approvals } = JSON.parse(stdout) as { approvals: { id: string; digest: string; state: string }[] };
  const found = approvals.filter(({ state }) => state === 'pending').at(-1);
  if (!found) throw new Error(stdout);
  return found;
}
const record = async (id: string) => {
  const { stdout } = await tiny.run(['approvals', id, '--json']);
  return (JSON.parse(stdout) as { approvals: { state: string }[] }).approvals[0]?.state;
};

describe('who is let in', () => {
  test('the printed address is good once, and its cookie for these pages alone', async () => {
    dashboard = await openDashboard(tiny.path);
    const { address, base, ask } = dashboard;
    const { pathname, search } = new URL(address);
    expect(await ask(`${base}/`)).toMatchObject({ status: 403, body: expect.stringContaining('good for one visit') });
    expect(await ask(`${base}/enter?token=wrong`)).toMatchObject({ status: 403 });
    expect(await ask(`${base}/enter`)).toMatchObject({ status: 403 });
    const first = await ask(`${pathname}${search}`);
    expect(first).toMatchObject({ status: 303, headers: { location: `${base}/` } });
    const [set = ''] = [first.headers['set-cookie'] ?? []].flat();
    expect(set).toMatch(new RegExp(`^autolab_dashboard=[\\w-]{43}; Path=${base}/; HttpOnly; SameSite=Strict$`));
    expect(await ask(`${pathname}${search}`)).toMatchObject({ status: 403, body: expect.stringContaining('Press Enter there') });
    const [cookie = ''] = set.split(';');
    const page = await ask(`${base}/`, { headers: { cookie } });
    expect(page).toMatchObject({
      status: 200,
      headers: { 'content-security-policy': expect.stringContaining("default-src 'none'") },
    });
    expect(page.body).not.toMatch(/(?:src|href)="https?:|style="|<script>/);
    expect(await ask(`${base}/`, { headers: { cookie: `${cookie}x` } })).toMatchObject({ status: 403 });
    const [script, style] = [await ask(`${base}/page.js`), await ask(`${base}/page.css`)];
    expect([script.headers['content-type'], style.headers['content-type']]).toEqual([
      'text/javascript; charset=utf-8',
      'text/css; charset=utf-8',
    ]);
    expect(script.body.length + style.body.length).toBeLessThan(24_000);
    const again = new URL(await dashboard.another());
    expect(await ask(`${again.pathname}${again.search}`)).toMatchObject({ status: 303 });
  });

  test('nobody else’s page reaches it: not by its name, not from its origin', async () => {
    const { open, see } = await entered();
    const { status, body } = await see('/');
    expect({ status, has: body.includes('What needs a person') }).toEqual({ status: 200, has: true });
    expect((await see('/')).headers['set-cookie']).toBeUndefined();
    const foreign: [string, Record<string, string>][] = [
      ['foreign Host', { host: 'evil.example' }],
      ['foreign Host', { host: `127.0.0.1.evil.example:${open.port}` }],
      ['foreign Origin', { origin: 'https://evil.example' }],
      ['request of another site', { 'sec-fetch-site': 'cross-site' }],
    ];
    // With the cookie, so that it is not for want of that.
    for (const [what, headers] of foreign)
      expect(await see('/', headers)).toMatchObject({ status: 403, body: expect.stringContaining(what) });
    // The page may be opened from a mail or a chat, which a browser calls cross-site.
    expect(await open.ask(`${open.base}/enter?token=x`, { headers: { 'sec-fetch-site': 'cross-site' } })).toMatchObject({
      status: 403,
      body: expect.stringContaining('good for one visit'),
    });
  });

  test('on a socket of this account, with the line for a tunnel', async () => {
    const socket = join(tiny.path, '.git', 'in', 'd.sock');
    dashboard = await openDashboard(tiny.path, { words: ['--socket', socket] });
    expect(dashboard.address).toMatch(/^http:\/\/127\.0\.0\.1:8766\//);
    expect([statSync(socket).mode & 0o777, statSync(dirname(socket)).mode & 0o777]).toEqual([0o600, 0o700]);
    const { stdout } = await execa('curl', [
      '-sS',
      '--unix-socket',
      socket,
      '-o',
      '/dev/null',
      '-w',
      '%{http_code}',
      dashboard.address,
    ]);
    expect(stdout).toBe('303');
    expect(await dashboard.close()).toBe(0);
  });

  test.each([
    [['--port', '99999'], '--port takes a number'],
    [['--port', '1', '--tunnel'], 'give one'],
    [['--nothing'], "Unknown option '--nothing'"],
    [['runs'], 'dashboard takes no "runs"'],
  ])('%j is told what is wrong with it', async (words, why) => {
    const done = await tiny.run(['dashboard', ...words]);
    expect(done).toMatchObject({ exit: 2, stderr: expect.stringContaining(why) });
    expect(done.stderr).toContain('next: autolab-mcp dashboard [--port N');
  });

  test('where nothing has been set up it says how to', async () => {
    for (const words of [
      ['dashboard', '--repo', '/usr'],
      ['--repo', '/usr', 'dashboard'],
    ])
      expect(await tiny.run(words)).toMatchObject({
        exit: 1,
        stderr: expect.stringContaining('there is nothing to show at /usr'),
      });
  });
});

describe('a word on what waits', () => {
  test('is recorded as one from the page, once, and used by the same call', async () => {
    const { id, digest } = await question();
    const { see, send } = await entered();
    expect((await see('/')).body).toContain(`/approvals/${id}`);
    const page = await see(`/approvals/${id}`);
    expect(page.body).toContain('Approve exactly this, once');
    expect(page.body).toContain('acts.submit (.autolab/verifier_policy.yaml:');
    const granted = await send(`/approvals/${id}`, { answer: 'grant', digest });
    expect(granted).toMatchObject({
      status: 303,
      headers: { location: expect.stringContaining(`/approvals/${id}?said=granted`) },
    });
    expect(await send(`/approvals/${id}`, { answer: 'grant', digest })).toMatchObject({ status: 303 });
    expect(await record(id)).toBe('granted');
    const submitted = await tiny.run(['submit', '--again', '--json']);
    expect(JSON.parse(submitted.stdout)).toMatchObject({ job_id: expect.any(String) });
    expect(await send(`/approvals/${id}`, { answer: 'grant', digest })).toMatchObject({
      status: 409,
      body: expect.stringContaining('has been used, and is good for one call only'),
    });
    const log = readFileSync(join(tiny.path, '.autolab', 'gate', 'audit.jsonl'), 'utf8');
    const lines = log.split('\n').filter((line) => line.includes('"kind":"approval"') && line.includes(`"approval":"${id}"`));
    expect(lines).toHaveLength(1);
    expect(JSON.parse(lines[0] ?? '')).toMatchObject({ kind: 'approval', caller: { surface: 'page' } });
  });

  test('is refused where it is stale, of another origin, or neither yes nor no; a no is kept with its note', async () => {
    const { id, digest } = await question();
    const { see, send, change } = await entered();
    expect(await send(`/approvals/${id}`, { answer: 'grant', digest: 'f'.repeat(64) })).toMatchObject({
      status: 409,
      body: expect.stringContaining('What you saw is not what waits now'),
    });
    expect(await send(`/approvals/${id}`, { digest })).toMatchObject({ status: 409 });
    for (const headers of [{}, { origin: 'http://localhost:1' }])
      expect(await send(`/approvals/${id}`, { answer: 'grant', digest }, headers)).toMatchObject({ status: 403 });
    expect(await send(`/approvals/${id}`, { answer: 'grant', digest, note: 'x'.repeat(20_000) })).toMatchObject({ status: 413 });
    expect(await record(id)).toBe('pending');
    const note = '<script>alert(1)</script> too dear';
    expect(await send(`/approvals/${id}`, { answer: 'refuse', digest, note })).toMatchObject({ status: 303 });
    expect(await record(id)).toBe('refused');
    expect((await see(`/approvals/${id}?said=refused`)).body).toContain('Your answer is recorded: refused');
    expect(await send(`/approvals/${id}`, { answer: 'grant', digest })).toMatchObject({
      status: 409,
      body: expect.stringContaining('was refused'),
    });
    for (const path of ['/approvals/ap_000000000000', '/approvals/..%2f..%2fetc'])
      expect(await see(path)).toMatchObject({ status: 404 });
    expect(await change(`/approvals/${id}`, 'DELETE')).toMatchObject({ status: 404 });
    expect((await see(`/approvals/${id}?said=granted`)).body).not.toContain('Your answer is recorded');
    expect((await see(`/approvals/${id}`)).body).toContain('Why not: &#60;script&#62;alert(1)&#60;/script&#62; too dear');
    expect((await tiny.run(['approvals', id])).stdout).toContain('too dear');
    // Whoever asks for the same again learns why not.
    const again = await tiny.run(['submit', '--again']);
    expect(again.stderr).toMatch(/The same was refused before, at \S+Z: .*too dear/);
  });

  test('counts nowhere but at a terminal where the policy says so, or the page was not opened from one', async () => {
    const { id, digest } = await question();
    const reading = await entered({ terminal: false });
    expect((await reading.see(`/approvals/${id}`)).body).toContain('it grants nothing');
    expect(await reading.send(`/approvals/${id}`, { answer: 'grant', digest })).toMatchObject({ status: 409 });
    await dashboard?.close();
    const policy = join(tiny.path, '.autolab', 'verifier_policy.yaml');
    writeFileSync(policy, ASKS.replace('approve: page', 'approve: terminal'));
    try {
      const { see, send } = await entered();
      const page = (await see(`/approvals/${id}`)).body;
      expect(page).toContain(`<code>autolab-mcp approve ${id}</code>`);
      expect(page).not.toContain('Approve exactly this');
      expect(await send(`/approvals/${id}`, { answer: 'grant', digest })).toMatchObject({
        status: 409,
        body: expect.stringContaining('gate.approve, .autolab/verifier_policy.yaml:'),
      });
      expect(await record(id)).toBe('pending');
    } finally {
      writeFileSync(policy, ASKS);
    }
  });
});

test('each view says what the read operation of it says, markup is text, and what is gone is said to be', async () => {
  const launch = join(tiny.iteration, 'launch', 'run_local.sh');
  writeFileSync(launch, "#!/bin/sh\n#SBATCH --time=00:01:00\nprintf '<img src=x onerror=alert(1)>\\033[2J done\\n'\nexit 3\n");
  const { id, digest } = await question();
  const { see, send } = await entered();
  await send(`/approvals/${id}`, { answer: 'grant', digest });
  const { run_id: run } = JSON.parse((await tiny.run(['submit', '--again', '--json'])).stdout) as { run_id: string };
  await until('it has failed', async () => {
    await tiny.run(['monitor']);
    const { stdout } = await tiny.run(['runs', run, '--json']);
    return (JSON.parse(stdout) as { runs: { state: string }[] }).runs[0]?.state === 'failed' || undefined;
  });
  expect((await see('/')).body).toMatch(new RegExp(`${run}</a> <span class="state failed">`));
  expect((await see('/?state=failed&iteration=tiny')).body).toContain(run);
  expect((await see('/?state=partial')).body).toContain('0 runs in all');
  expect((await see('/?state=nonsense')).body).toContain('role="alert"');
  const page = (await see(`/runs/${run}`)).body;
  for (const words of [
    'Life',
    'submitted → failed',
    'exit_code',
    'The decision that let it through',
    id,
    'Resources',
    'Plan',
    'Cost',
  ])
    expect(page).toContain(words);
  const log = (await see(`/runs/${run}/log`)).body;
  expect(log).toContain('&#60;img src=x onerror=alert(1)&#62;');
  expect(log).not.toMatch(/<img|\u001b|untrusted-/);
  expect((await see(`/runs/${run}/log?search=nowhere`)).body).toContain('0 lines shown');
  expect((await see(`/runs/${run}/log?task=77`)).body).toContain('role="alert"');
  expect((await see('/budget')).body).toContain('limits.scheduler.calls_per_hour');
  expect((await see('/policy')).body).toMatch(/gate\.acts\.submit[\s\S]*&#34;ask&#34;[\s\S]*verifier_policy\.yaml:\d+/);
  const audit = (await see(`/audit?run=${run}`)).body;
  expect(audit).toContain('The chain of the lines holds');
  expect(audit).toContain(run);
  expect((await see('/audit?since=yesterday')).body).toContain('is no time');
  rmSync(join(tiny.iteration, 'runs', run), { recursive: true });
  for (const path of [`/runs/${run}`, `/runs/${run}/log`, '/runs/..%2f..', '/nothing'])
    expect(await see(path)).toMatchObject({ status: 404, body: expect.stringContaining('It may have been deleted meanwhile') });
  const whole = readFileSync(join(tiny.path, '.autolab', 'gate', 'audit.jsonl'), 'utf8');
  writeFileSync(join(tiny.path, '.autolab', 'gate', 'audit.jsonl'), whole.replace('"verdict":"ask"', '"verdict":"alw"'));
  expect((await see('/audit')).body).toContain('does NOT hold');
  writeFileSync(join(tiny.path, '.autolab', 'gate', 'audit.jsonl'), whole);
});

test('what is altered in the log without a byte more is seen on the board, and a page that is asked wrongly adds nothing to it', async () => {
  const { see } = await entered();
  const log = join(tiny.path, '.autolab', 'gate', 'audit.jsonl');
  expect((await see('/')).body).not.toContain('The audit log does not hold');
  const whole = readFileSync(log, 'utf8');
  for (const path of ['/?state=nonsense', '/audit?since=yesterday', '/?before=nothing'])
    expect((await see(path)).body).toContain('role="alert"');
  expect(readFileSync(log, 'utf8')).toBe(whole);
  writeFileSync(log, whole.replace('"verdict":"ask"', '"verdict":"alw"'));
  expect((await see('/')).body).toContain('The audit log does not hold');
  writeFileSync(log, whole);
  expect((await see('/')).body).not.toContain('The audit log does not hold');
});

test('a run that cannot be read is there, needs a person, and is not said to be deleted', async () => {
  const { id, digest } = await question();
  const { see, send } = await entered();
  await send(`/approvals/${id}`, { answer: 'grant', digest });
  const { run_id: run } = JSON.parse((await tiny.run(['submit', '--again', '--json'])).stdout) as { run_id: string };
  const journal = join(tiny.iteration, 'runs', run, 'gate', 'journal.jsonl');
  const whole = readFileSync(journal, 'utf8');
  // Its last line first: numbered as no first one is.
  writeFileSync(journal, `${whole.trimEnd().split('\n').at(-1)}\n${whole}`);
  const page = await see(`/runs/${run}`);
  expect(page.status).toBe(200);
  expect(page.body).toContain('role="alert"');
  expect(page.body).not.toContain('It may have been deleted meanwhile');
  expect((await see('/')).body).toMatch(new RegExp(`cannot be read: ${run}`));
  writeFileSync(journal, whole);
  await tiny.run(['cancel', run, '--yes']);
});

test('a policy that does not read needs a person', async () => {
  const { see } = await entered();
  const policy = join(tiny.path, '.autolab', 'verifier_policy.yaml');
  writeFileSync(policy, `${ASKS}\n  nonsense: 1\n`);
  try {
    expect((await see('/')).body).toMatch(/The policy<\/a>: .*nonsense/);
  } finally {
    writeFileSync(policy, ASKS);
  }
});
