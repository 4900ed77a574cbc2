import { randomInt } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { until } from '../support/repo.ts';
import { cutting, isTroubled, table } from './cut-line.ts';
import type { Kind, Laptop } from './laptop.ts';
import { KINDS, kinds, startLaptop } from './laptop.ts';

/** How long the line fails and comes back, in seconds; and what it does is drawn from the seed, which is told. */
const SECONDS = Number(process.env.AUTOLAB_LINK_SECONDS ?? 40);
const SEED = Number(process.env.AUTOLAB_LINK_SEED ?? randomInt(1, 2 ** 31 - 1));
/** How many looks at a run that lasts; an hour has 60 of them where the policy says one a minute. */
const LOOKS = Number(process.env.AUTOLAB_LOOKS ?? 4);
const PATIENCE = SECONDS + 200;
const LIMIT = (SECONDS + LOOKS + 900) * 1000;

let laptop: Laptop;
beforeAll(async () => {
  laptop = await startLaptop();
}, LIMIT);
afterAll(() => laptop?.close(), LIMIT);

type Submitted = { run_id: string; job_id: string | null; state: string };
type Told = { sites: { polled: boolean }[]; runs: { run_id: string; state: string; next_tool: string | null }[] };

const look = async (run: string) => (await laptop.ask<Told>('monitor', '--run-id', run))?.runs[0];
/** Looks until a run is in this state, or waits for this operation. */
const seen = (run: string, what: string) =>
  until(
    `${run}: ${what}`,
    async () => {
      const one = await look(run);
      return one?.state === what || one?.next_tool === what ? true : undefined;
    },
    PATIENCE,
  );

/** Makes the same call again until it says that the run is there; only then is another one asked for. */
async function submitted(kind: Kind, isFirst: boolean): Promise<string> {
  let again = isFirst ? [] : ['--again'];
  return until(
    `a ${kind} run is submitted`,
    async () => {
      const run = await laptop.ask<Submitted>('submit', '--iteration', kind, ...again);
      if (run === undefined) return undefined;
      again = [];
      return run.job_id !== null && run.state !== 'pending' ? run.run_id : undefined;
    },
    PATIENCE,
  );
}

const isDone = (what: string, run: string) =>
  until(
    `${what} ${run}`,
    async () => {
      await laptop.ask(what, run);
      return laptop.calls.at(-1)?.exit === 0 ? true : undefined;
    },
    PATIENCE,
  );
const collected = (run: string) =>
  until(
    `${run} is collected`,
    async () => ((await laptop.ask<{ sync: string }>('sync', run))?.sync === 'ok' ? true : undefined),
    PATIENCE,
  );

/** A run's whole life after its submission. */
const LIVES: Readonly<Record<Kind, (run: string) => Promise<unknown>>> = {
  plain: async (run) => {
    await seen(run, 'sync_artifacts');
    await collected(run);
  },
  failing: async (run) => {
    await seen(run, 'partial');
    // One that was cut off is to be called again.
    await until(
      `${run} has run again`,
      async () => {
        const one = await look(run);
        if (one?.state === 'partial' || one?.next_tool === 'retry_tasks') await laptop.ask('retry', run);
        return one?.next_tool === 'sync_artifacts' ? true : undefined;
      },
      PATIENCE,
    );
    await collected(run);
  },
  lasting: async (run) => {
    await seen(run, 'running');
    await isDone('cancel', run);
    await seen(run, 'failed');
  },
};

test('what an operator sees of a run and of looks at it: one login, and one session a look', { timeout: LIMIT }, async () => {
  const { sshd, programs, ask } = laptop;
  const told: string[] = [];
  /** What a piece of work asks of the login host. */
  const asked = async <T>(what: string, work: () => Promise<T>) => {
    const before = { sessions: sshd.sessions(), programs: programs().length };
    const result = await work();
    const sessions = sshd.sessions() - before.sessions;
    const started = programs().slice(before.programs);
    const each = [...new Set(started)].map((name) => `${name} ${started.filter((one) => one === name).length}`);
    told.push(`${what}: ${sessions} sessions, ${started.length} programs of Slurm (${each.join(', ')})`);
    return { result, sessions, started };
  };
  const { result: run } = await asked('submit', () => submitted('lasting', true));
  await seen(run, 'running');
  const { sessions, started } = await asked(`${LOOKS} looks`, async () => {
    for (let looks = 0; looks < LOOKS; ) if ((await ask<Told>('monitor'))?.sites[0]?.polled) looks++;
  });
  expect(sessions).toBe(LOOKS);
  expect(started).toEqual(Array(LOOKS).fill('squeue'));
  await asked('cancel', () => isDone('cancel', run));
  await asked('looks until it is seen to have ended', () => seen(run, 'failed'));
  const { result: plain } = await asked('submit', () => submitted('plain', true));
  await asked('looks until it has ended', () => seen(plain, 'sync_artifacts'));
  await asked('logs', () => isDone('logs', plain));
  await asked('sync', () => collected(plain));
  console.log([...told, `${sshd.logins()} logins, ${sshd.sessions()} sessions in all`].join('\n'));
  expect(sshd.logins()).toBe(1);
});

test('over a line that fails and comes back at random nothing is lost, and nothing runs twice', { timeout: LIMIT }, async () => {
  console.log(`the line fails for ${SECONDS} s, by seed ${SEED}`);
  const before = { executions: laptop.executions().length, calls: laptop.calls.length };
  const listed = async () => {
    const all = await laptop.repo.json<Told>('runs', '--limit', '200');
    return all.runs.map(({ run_id }) => run_id);
  };
  const earlier = new Set(await listed());
  const end = Date.now() + SECONDS * 1000;
  const calls = () => laptop.calls.slice(before.calls);
  // It goes on until it has been in somebody's way.
  const isOn = () => Date.now() < end || !calls().some(isTroubled);
  const line = cutting(laptop, SEED, isOn);
  const lives = async (kind: Kind) => {
    const runs: string[] = [];
    while (runs.length === 0 || isOn()) {
      const run = await submitted(kind, kind === 'failing' && runs.length === 0);
      runs.push(run);
      await LIVES[kind](run);
    }
    return { kind, runs };
  };
  const all = (await Promise.all(kinds.map(lives))).flatMap(({ kind, runs }) => runs.map((run) => ({ kind, run })));
  console.log(table(calls(), await line, all));

  const expected = all.flatMap(({ kind, run }) => KINDS[kind].executions.map((task) => `${run} ${task}`));
  expect(laptop.executions().slice(before.executions).sort()).toEqual(expected.sort());
  expect((await listed()).filter((run) => !earlier.has(run)).sort()).toEqual(all.map(({ run }) => run).sort());
  expect((await laptop.slurm.run('squeue', '-h', '-t', 'pending,running', '-u', laptop.slurm.user)).stdout).toBe('');
  expect(await laptop.repo.autolab('audit', 'verify')).toMatchObject({ exit: 0 });
  for (const { kind, run } of all) {
    const { here, there } = laptop.run(kind, run);
    const manifest = join(here, 'run_manifest.json');
    expect(await laptop.repo.autolab('slurm-job-list', 'verify', '--manifest', manifest)).toMatchObject({ exit: 0 });
    const file = join('data', 'a 0.bin');
    if (kind === 'lasting') expect(existsSync(join(here, file))).toBe(false);
    else expect(readFileSync(join(here, file)).equals(readFileSync(join(there, file)))).toBe(true);
  }
});
