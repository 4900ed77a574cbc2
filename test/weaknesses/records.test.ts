import { existsSync, readFileSync, unlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { withAutolabLock } from '../../src/runs/autolab/autolab-lock.ts';
import type { Tiny } from '../support/tiny.ts';
import {
  BATCH,
  both,
  clearUp,
  experiment,
  FOLDER,
  json,
  killed,
  LEDGER,
  manifest,
  over,
  PARSED,
  put,
  STATE,
  submit,
  text,
  trace,
} from './experiment.ts';

clearUp();

const ledger = ['slurm-job-list', 'append', '--manifest'];
const foreign = (run_id: string, more: object = {}) =>
  JSON.stringify({
    run_id,
    iteration_id: 'tiny',
    host_mode: 'slurm',
    job_id: '4711',
    status: 'running',
    started_at: '2026-01-02T03:04:05Z',
    ...more,
  });
const row = (runId: string, status = 'running') =>
  `- 2026-01-02 | job_id=4711 | iteration_id=tiny | run_id=${runId} | status=${status}`;
const rows = (tiny: Tiny) =>
  text(tiny, LEDGER)
    .split('\n')
    .filter((line) => line.startsWith('- '));
const IDS = Array.from({ length: 16 }, (_, at) => `run_${at + 1}`);

describe('the ledger keeps every row, and no other', () => {
  test('W5: sixteen appends at once leave sixteen rows, of ids that begin alike too, and the prose as it was', async () => {
    const prose = '# Jobs\n\nrun_id=run_1 is discussed here, | and there.\n';
    const tiny = await experiment({ ...Object.fromEntries(IDS.map((id) => [`m/${id}.json`, foreign(id)])), [LEDGER]: prose });
    const done = await Promise.all(IDS.map((id) => tiny.run([...ledger, `m/${id}.json`])));
    expect(done.map(({ exit }) => exit)).toEqual(IDS.map(() => 0));
    expect(rows(tiny).sort()).toEqual(IDS.map((id) => row(id)).sort());
    expect(text(tiny, LEDGER).startsWith(prose.trimEnd())).toBe(true);
    const again = await Promise.all(IDS.slice(0, 4).map((id) => tiny.run([...ledger, `m/${id}.json`])));
    expect(again.map(({ stdout }) => stdout)).toEqual(
      IDS.slice(0, 4).map((id) => `autolab slurm-job-list: run_id=${id} already present in ${LEDGER}`),
    );
    expect(rows(tiny)).toHaveLength(16);
  });

  test('W5: no field makes a second row', async () => {
    const forged = row('forged');
    const cases = [
      foreign(`a\n${forged}`),
      foreign('a', { status: `ok\n${forged}` }),
      foreign('a', { job_id: '1 | run_id=forged' }),
      foreign('a', { iteration_id: `tiny\u2028${forged}` }),
    ];
    const tiny = await experiment(Object.fromEntries(cases.map((one, at) => [`m/${at}.json`, one])));
    const before = text(tiny, LEDGER);
    for (const at of cases.keys())
      expect(await tiny.run([...ledger, `m/${at}.json`])).toMatchObject({
        exit: 1,
        stderr: expect.stringMatching(/^file_invalid: [\s\S]*cannot stand in a ledger row/),
      });
    expect(text(tiny, LEDGER)).toBe(before);
  });

  test('W5: the row follows the run, so that verify holds at every moment', async () => {
    const tiny = await experiment(both(PARSED, BATCH));
    const { run_id, job_id } = await submit(tiny);
    const path = `${FOLDER}/runs/${run_id}/run_manifest.json`;
    const statuses: unknown[] = [];
    const check = async () => {
      expect(await tiny.run(['slurm-job-list', 'verify', '--manifest', path])).toMatchObject({ exit: 0 });
      const { status } = manifest(tiny, run_id);
      statuses.push(status);
      expect(rows(tiny).map((line) => line.slice('- 2026-01-01 | '.length))).toEqual([
        `job_id=${job_id} | iteration_id=tiny | run_id=${run_id} | status=${status}`,
      ]);
    };
    await check();
    await over(tiny);
    await check();
    for (const step of ['sync', 'extract']) {
      expect((await tiny.run([step])).exit).toBe(0);
      await check();
    }
    expect(statuses).toEqual(['submitted', 'running', 'synced', 'completed']);
  });
});

const holder = (more: object = {}) => ({
  ...{ pid: process.pid, host: hostname(), owner_uuid: 'other', started_at: new Date().toISOString() },
  ...{ last_heartbeat_at: new Date().toISOString(), started_monotonic: 1, last_heartbeat_monotonic: 1 },
  ...{ command: 'autolab run', state_file: 'state.json', ...more },
});
const gone = 2 ** 22 - 1;
const longAgo = new Date(Date.now() - 31 * 60_000).toISOString();

describe.concurrent('a file is the old one or the new one, and is written by one program at a time', () => {
  test('W10: killed at every fsync and rename of state, manifest and ledger, each is whole', async () => {
    const tiny = await experiment(BATCH);
    const { run_id } = await submit(tiny);
    await over(tiny);
    const path = `${FOLDER}/runs/${run_id}/run_manifest.json`;
    const now = { [STATE]: text(tiny, STATE), [path]: text(tiny, path), [LEDGER]: text(tiny, LEDGER) };
    const before = {
      [STATE]: JSON.stringify({ ...(JSON.parse(now[STATE] ?? '') as object), stage: 'launch', last_run_id: '', history: [] }),
      [path]: (now[path] ?? '').replace('"status": "running"', '"status": "submitted"'),
      [LEDGER]: '# SLURM job list\n',
    };
    /** What stands there, by the one word that tells old from new; a file that is neither is told whole. */
    const standing = () => {
      const [s, m, l] = [text(tiny, STATE), text(tiny, path), text(tiny, LEDGER)];
      return {
        state: s === before[STATE] ? 'old' : (JSON.parse(s) as { stage?: string }).stage === 'slurm_monitor' ? 'new' : s,
        manifest: m === before[path] ? 'old' : m === now[path] ? 'new' : m,
        ledger: l === before[LEDGER] ? 'old' : l === now[LEDGER] ? 'new' : l,
      };
    };
    put(tiny.path, before);
    const calls = (await trace(tiny, ['monitor'], 'fsync,rename')).map((line) => line.slice(0, line.indexOf('(')));
    expect(standing()).toEqual({ state: 'new', manifest: 'new', ledger: 'new' });
    const seen = new Set<string>();
    for (const call of ['fsync', 'rename']) {
      const count = calls.filter((one) => one === call).length;
      expect(count).toBeGreaterThanOrEqual(3);
      for (let nth = 1; nth <= count; nth++) {
        put(tiny.path, before);
        expect((await killed(tiny, ['monitor'], call, nth)).signal).toBe('SIGKILL');
        const { state, manifest, ledger } = standing();
        seen.add(`${state} ${manifest} ${ledger}`);
        expect([state, manifest, ledger].every((one) => one === 'old' || one === 'new')).toBe(true);
      }
    }
    expect(seen).toContain('old old old');
    expect(seen).toContain('old new old');
    expect((await tiny.run(['monitor'])).exit).toBe(0);
    expect(standing()).toEqual({ state: 'new', manifest: 'new', ledger: 'new' });
  });

  test('W10: a torn manifest is no missing one, and a torn or empty state.json stops nothing half way', async () => {
    const tiny = await experiment(BATCH);
    const { run_id } = await submit(tiny);
    await over(tiny);
    const path = `${FOLDER}/runs/${run_id}/run_manifest.json`;
    const whole = text(tiny, path);
    put(tiny.path, { [path]: whole.slice(0, 100) });
    expect(await submit(tiny)).toMatchObject({ run_id, already: true });
    const looked = await json<{ problems: string[] }>(tiny, 'monitor');
    expect(looked.problems).toEqual([expect.stringContaining('run_manifest.json is not JSON')]);
    expect(text(tiny, path)).toBe(whole.slice(0, 100));
    put(tiny.path, { [path]: whole });
    const kept = text(tiny, STATE);
    for (const torn of ['', '{"iteration_id": "ti']) {
      put(tiny.path, { [STATE]: torn });
      for (const command of ['submit', 'run'])
        expect(await tiny.run([command])).toMatchObject({
          exit: 1,
          stderr: expect.stringMatching(/^file_invalid: .*state\.json/),
        });
      expect(text(tiny, STATE)).toBe(torn);
    }
    put(tiny.path, { [STATE]: kept });
    expect(await submit(tiny)).toMatchObject({ run_id, already: true });
  });

  test('W11: while the Python Autolab works, state and manifest are not touched, and it is said', async () => {
    const tiny = await experiment(both(BATCH));
    const { run_id } = await submit(tiny);
    put(tiny.path, { '.autolab/lock': JSON.stringify(holder()) });
    const before = [text(tiny, STATE), manifest(tiny, run_id)];
    const looked = await json<{ problems: string[] }>(tiny, 'monitor');
    expect(looked.problems).toEqual([expect.stringContaining(`is held by process ${process.pid}`)]);
    expect([text(tiny, STATE), manifest(tiny, run_id)]).toEqual(before);
    unlinkSync(join(tiny.path, '.autolab', 'lock'));
    await over(tiny);
    expect(manifest(tiny, run_id)).toMatchObject({ status: 'running' });
  });
});

describe('a lock is nobody’s but its holder’s', () => {
  test.each([
    ['an empty lock', '', /names no holder/],
    ['a lock that is not JSON', '{"pid": 1', /names no holder/],
    ['a lock of a living process', JSON.stringify(holder()), /it is still running/],
    [
      'a lock of another host',
      JSON.stringify(holder({ host: 'elsewhere', pid: gone })),
      /on elsewhere .*cannot be seen from here/s,
    ],
  ])('W11: %s is reported and left alone', async (_what, content, words) => {
    const tiny = await experiment({ '.autolab/lock': content });
    const path = join(tiny.path, '.autolab', 'lock');
    // Older than the moment in which the reference's own lock is empty.
    utimesSync(path, new Date(Date.now() - 10_000), new Date(Date.now() - 10_000));
    const taken = withAutolabLock(tiny.path, 'test', () => 'taken', 0);
    await expect(taken).rejects.toMatchObject({ code: 'lock_held', message: expect.stringMatching(words) });
    expect(readFileSync(path, 'utf8')).toBe(content);
  });

  test.each([
    ['a process that is gone, at once', holder({ pid: gone })],
    ['a process of another boot of this host', holder({ autolab_mcp: { boot: 'earlier', started: '1' } })],
    ['another host, silent for more than 30 minutes', holder({ host: 'elsewhere', last_heartbeat_at: longAgo })],
  ])('W11: the lock of %s is taken over', async (_what, dead) => {
    const tiny = await experiment({ '.autolab/lock': JSON.stringify(dead) });
    expect(await withAutolabLock(tiny.path, 'test', () => 'taken', 0)).toBe('taken');
    expect(existsSync(join(tiny.path, '.autolab', 'lock'))).toBe(false);
  });

  test('W11: what lies there at the end is taken away only if it is one’s own', async () => {
    const tiny = await experiment();
    const path = join(tiny.path, '.autolab', 'lock');
    for (const other of ['', JSON.stringify(holder())]) {
      await withAutolabLock(tiny.path, 'test', () => writeFileSync(path, other), 0);
      expect(readFileSync(path, 'utf8')).toBe(other);
      unlinkSync(path);
    }
  });

  test('W11: eight processes that find a dead holder’s lock have it one after the other', async () => {
    const ids = IDS.slice(0, 8);
    const dead = { host: hostname(), boot: 'earlier', pid: gone, started: '1', token: 'dead', purpose: 'ledger' };
    const tiny = await experiment({
      ...Object.fromEntries(ids.map((id) => [`m/${id}.json`, foreign(id)])),
      '.autolab/gate/ledger.lock': JSON.stringify(dead),
    });
    const done = await Promise.all(ids.map((id) => tiny.run([...ledger, `m/${id}.json`])));
    expect(done.map(({ exit }) => exit)).toEqual(ids.map(() => 0));
    expect(rows(tiny).sort()).toEqual(ids.map((id) => row(id)).sort());
    expect(existsSync(join(tiny.path, '.autolab/gate/ledger.lock'))).toBe(false);
  });
});
