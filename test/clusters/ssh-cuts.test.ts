import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { localScheduler } from '../../src/sites/schedulers/local.ts';
import type { Job } from '../../src/sites/schedulers/scheduler.ts';
import { sshTransport } from '../../src/sites/transports/ssh.ts';
import { sshHost } from '../../src/sites/transports/ssh-host.ts';
import type { Ask, Command, Output, Transport } from '../../src/sites/transports/transport.ts';
import { Desk, text } from '../conformance/bench.ts';
import type { Link } from '../support/link.ts';
import { startLink } from '../support/link.ts';
import { lives, until } from '../support/processes.ts';
import type { Sshd } from '../support/sshd.ts';
import { startSshd } from '../support/sshd.ts';
import { USER } from './own-slurm.mjs';

const LIMIT = 300_000;
let sshd: Sshd;
let link: Link;
let desk: Desk;
let root = '';
let folder = '';
/** Of the client, and of its shared connection. */
let [config, socket] = ['', ''];
/** The way over the line that is cut; the desk looks by another. */
let transport: Transport;
beforeAll(async () => {
  sshd = await startSshd();
  link = await startLink(sshd.port);
  config = await sshd.configFor('root', 'line');
  const known = readFileSync(join(sshd.state, 'known_hosts'), 'utf8').replace(`:${sshd.port} `, `:${link.port} `);
  writeFileSync(join(sshd.state, 'known-line'), known);
  const changed = readFileSync(config, 'utf8')
    .replace(/Port .*/, `Port ${link.port}`)
    .replace(/known_hosts$/m, 'known-line');
  writeFileSync(config, changed);
  transport = sshTransport({ host: 'lab', config });
  socket = (await sshHost({ host: 'lab', config }, undefined)).socket;
  folder = mkdtempSync('/tmp/ssh-cuts-');
  chmodSync(folder, 0o755);
  root = join(folder, 'root');
  const own = (path: string) => void execFileSync('chown', ['-R', `${USER}:`, path]);
  own(folder);
  const close = async () => {
    await link.close();
    await sshd.close();
    rmSync(folder, { recursive: true, force: true });
  };
  const scheduler = localScheduler({ root });
  desk = new Desk({
    scheduler,
    transport: sshd.transport,
    user: USER,
    folder,
    own,
    shortestWalltime: 1,
    patience: 120_000,
    lacks: new Set(),
    close,
  });
}, 120_000);
afterAll(() => desk?.close(), LIMIT);

const scripted = (): Job => desk.job(desk.folder(), 'echo ran >>ran');
const send = ({ command }: Ask<unknown>) => transport.run(command, { timeoutMs: 20_000 });
const inFolder = (argv: Command['argv']): Command => ({ argv, cwd: folder });

/** Does it whole once and tells how many bytes come back, then again and again with the line cut at so many places of these. */
async function cutAnywhere(places: number, work: () => Promise<Output>, after: (output: Output, at: number) => Promise<void>) {
  await send(desk.bench.scheduler.version());
  link.forget();
  await after(await work(), -1);
  const all = link.heard();
  let broken = 0;
  for (let n = 0; n < places; n++) {
    await send(desk.bench.scheduler.version());
    const at = 1 + Math.floor((n * all) / places);
    link.cutAfter(at);
    const output = await work();
    link.cutAfter(Number.POSITIVE_INFINITY);
    if (output.exit === null) {
      broken++;
      expect({ at, ...output }).toMatchObject({ at, stdout: '', fault: expect.objectContaining({ code: 'site_unreachable' }) });
    }
    await after(output, at);
  }
  expect(broken).toBeGreaterThan(places / 3);
}

describe('a connection that is cut at any place', () => {
  test('of a submission leaves one whole job or none, and none where nothing was sent', { timeout: LIMIT }, async () => {
    const seen = new Set<string>();
    let job = scripted();
    await cutAnywhere(
      12,
      () => {
        job = scripted();
        return send(desk.bench.scheduler.submitHeld(job));
      },
      async ({ exit, notStarted }, at) => {
        const rows = await desk.until('the submission is over', async () =>
          (await desk.ask({ command: { argv: ['pgrep', '-f', job.name] }, read: (one) => one.exit !== 0 }))
            ? { found: await desk.find(job.name) }
            : undefined,
        );
        seen.add(`${notStarted ? 'not started' : exit === null ? 'unknown' : 'known'}: ${rows.found.length}`);
        expect(rows.found.length, `cut after ${at}`).toBeLessThanOrEqual(notStarted ? 0 : 1);
        if (exit === 0) expect(rows.found.length).toBe(1);
        for (const { id } of rows.found) {
          expect(await desk.ask(desk.bench.scheduler.readBack(id))).toEqual(job.requested);
          await desk.release(id);
          expect(await desk.over({ id, name: job.name })).toMatchObject([{ state: 'completed', exit: 0 }]);
          expect(text(join(job.cwd, 'ran'))).toBe('ran\n');
        }
      },
    );
    // Otherwise it was not cut at the places that matter.
    expect([...seen]).toEqual(expect.arrayContaining(['known: 1', 'not started: 0', 'unknown: 1']));
  });

  test('of a release can be repeated, and the script runs once', { timeout: LIMIT }, async () => {
    let job = scripted();
    let id = await desk.submit(job);
    await cutAnywhere(
      6,
      async () => {
        job = scripted();
        id = await desk.submit(job);
        return send(desk.bench.scheduler.release(id));
      },
      async () => {
        await desk.release(id);
        expect(await desk.over({ id, name: job.name })).toMatchObject([{ state: 'completed', exit: 0 }]);
        expect(text(join(job.cwd, 'ran'))).toBe('ran\n');
        expect(readdirSync(join(root, 'jobs', id, 'tasks'))).toEqual(['0']);
      },
    );
  });
});

/** A command that notes that it runs, and another of its processes beside it. */
const lasting = () => inFolder(['sh', '-c', 'sleep 600 & echo "$$ $!" >pids; wait']);
const pids = () => text(join(folder, 'pids')).trim().split(' ').filter(Boolean).map(Number);

/** Those of ours that stand between us and it, by how their command line begins. */
const clients = (start: string) =>
  readdirSync('/proc')
    .filter((pid) => /^\d+$/.test(pid))
    .filter((pid) => {
      const line = existsSync(`/proc/${pid}/cmdline`) ? readSafely(`/proc/${pid}/cmdline`) : '';
      return line.replaceAll('\0', ' ').startsWith(start);
    })
    .map(Number);

function readSafely(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

describe('in the middle of a command', () => {
  test.each<[string, () => void | Promise<void>]>([
    ['the line is cut', () => link.cut()],
    ['the client is killed', () => kill(clients(`ssh -F ${config} `))],
    ['the shared connection’s process is killed', () => kill(clients(`ssh: ${socket} [mux]`))],
    ['the server’s process of the connection is killed', async () => kill(await sshd.connections())],
  ])('%s: what it came to is not known, it is ended there, and the next one goes through', async (_what, fault) => {
    rmSync(join(folder, 'pids'), { force: true });
    const running = transport.run(lasting(), { timeoutMs: 60_000 });
    await until('it runs', () => pids().length === 2);
    await fault();
    expect(await running).toMatchObject({
      exit: null,
      stdout: '',
      timedOut: false,
      notStarted: false,
      fault: expect.objectContaining({
        code: 'site_unreachable',
        what: 'the connection to host lab broke before the answer was there',
      }),
    });
    await until('all of it has ended there', () => pids().every((pid) => !lives(pid)));
    expect(await transport.run({ argv: ['echo', 'again'] }, { timeoutMs: 20_000 })).toMatchObject({ exit: 0, stdout: 'again\n' });
  });

  test('the line carries nothing any more: the time limit ends the wait, and it goes on there until somebody is told', async () => {
    rmSync(join(folder, 'pids'), { force: true });
    const running = transport.run(lasting(), { timeoutMs: 15_000 });
    await until('it runs', () => pids().length === 2);
    link.freeze();
    expect(await running).toMatchObject({
      exit: null,
      timedOut: true,
      notStarted: false,
      stderr: expect.stringMatching(/may go on/),
    });
    expect(pids().map(lives)).toEqual([true, true]);
    const unsent = await transport.run(inFolder(['touch', 'made']), { timeoutMs: 2_000 });
    expect(unsent).toMatchObject({ exit: null, timedOut: true, notStarted: true });
    link.thaw();
    await until('all of it has ended there', () => pids().every((pid) => !lives(pid)));
    expect(await transport.run({ argv: ['echo', 'again'] }, { timeoutMs: 20_000 })).toMatchObject({ exit: 0, stdout: 'again\n' });
    expect(existsSync(join(folder, 'made'))).toBe(false);
  });

  test('nothing is said any more and the limit is far: that is found out, and who asks next need not wait', async () => {
    rmSync(join(folder, 'pids'), { force: true });
    const [far, asked] = [{ timeoutMs: 300_000 }, inFolder(['touch', 'asked'])];
    const long = sshd.transport.run(inFolder(['sh', '-c', 'sleep 14; echo slept']), far);
    const running = transport.run(lasting(), far);
    await until('it runs', () => pids().length === 2);
    link.freeze();
    const unsent = transport.run(asked, far);
    expect(await unsent).toMatchObject({ exit: null, notStarted: true, fault: { code: 'site_unreachable' } });
    expect(await running).toMatchObject({
      exit: null,
      stdout: '',
      notStarted: false,
      fault: expect.objectContaining({ code: 'site_unreachable', what: 'host lab does not answer any more' }),
    });
    expect(await transport.run(asked, far)).toMatchObject({
      notStarted: true,
      fault: expect.objectContaining({ what: 'host lab did not answer a moment ago, so nothing was sent' }),
    });
    // A host that answers is left its time.
    expect(await long).toMatchObject({ exit: 0, stdout: 'slept\n' });
    link.thaw();
    await until('all of it has ended there', () => pids().every((pid) => !lives(pid)));
    await until('it is tried again', async () => (await transport.run({ argv: ['true'] }, far)).exit === 0);
    expect(existsSync(join(folder, 'asked'))).toBe(false);
  });
});

function kill(pids: readonly number[]): void {
  expect(pids.length).toBeGreaterThan(0);
  for (const pid of pids) process.kill(pid, 'SIGKILL');
}
