import { appendFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, describe, expect, test } from 'vitest';
import type { Moment } from '../../src/base/clock.ts';
import { isKnown } from '../../src/base/fact.ts';
import { withLock } from '../../src/base/lock.ts';
import { decide } from '../../src/policies/decide.ts';
import { planDigest, stepOf } from '../../src/runs/launch/plan.ts';
import { payerOf } from '../../src/runs/place.ts';
import { replay } from '../../src/runs/record.ts';
import { reservationOf, settle } from '../../src/runs/spending/settlement.ts';
import { openSpending, spentBy } from '../../src/runs/spending/spending.ts';
import type { Attempt, TaskRecord } from '../../src/runs/types.ts';
import { job, known, policy, submission } from '../policies/helpers.ts';
import { ALL } from '../support/places.ts';
import { plan, task } from './samples.ts';

/** Thousands of books, each line of them fsynced: in memory where there is such a file system. */
const top = mkdtempSync(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'spending-laws-'));
afterAll(() => rmSync(top, { recursive: true, force: true }));

const DAY = 10;
const ITERATION = 24;
const POLICY = policy(`gate:
  acts: { submit: allow }
  limits: { jobs: { active: 99, pending: 99 }, per_job: { gpus: 99 }, spend: { gpu_hours: { day: ${DAY}, iteration: ${ITERATION} } } }
`);
const NOBODY = 2 ** 22 + 1;

/** Where a server dies in a submission, if it does: holding the lock, having looked, in the middle of its line, and so on. */
const DEATHS = ['holding', 'looked', 'torn', 'reserved', 'accepted'] as const;
type Submit = {
  kind: 'submit';
  gpus: number;
  hours: number;
  answer: 'accepted' | 'refused' | 'none' | 'unknown';
  dies: (typeof DEATHS)[number] | null;
};
type Step =
  | Submit
  /** A job that runs ends, having used so much of its walltime, and is looked at, or not yet; `word` is what tells how long it ran. */
  | { kind: 'end'; share: number; word: 'accounting' | 'marker' | 'lost'; looked: boolean }
  /** Whatever has ended and was not looked at is, and what a dead server left behind is found out. */
  | { kind: 'look' }
  | { kind: 'pass'; hours: number }
  /** The wall's clock is so many hours ahead from now on. */
  | { kind: 'set'; hours: number }
  | { kind: 'reboot' };

type Job = {
  name: string;
  server: number;
  gpus: number;
  worst: number;
  phase: Attempt['phase'];
  /** May it still cost its worst? Else what it has really used, and when that was over. */
  open: boolean;
  used: number;
  ended: number;
  share: number;
  word: 'accounting' | 'marker' | 'lost';
  looked: boolean;
};

/** What is true, kept apart from every function under test: which jobs may run, what the others have used, and what time it really is. */
class World {
  readonly jobs: Job[] = [];
  hours = 1_000_000;
  boots = 0;
  bootedAt = this.hours;
  ahead = 0;
  isHonest = true;
  clock = (): Moment => ({
    at: (this.hours + this.ahead) * 3600,
    boot: `boot ${this.boots}`,
    up: (this.hours - this.bootedAt) * 3600,
  });
  sum(of: (one: Job) => number): number {
    return this.jobs.reduce((sum, one) => sum + of(one), 0);
  }
  /** The worst of all that may run and what the rest has used: of the last 24 hours, and ever. */
  day = () => this.sum((one) => (one.open ? one.worst : this.hours - one.ended < 24 ? one.used : 0));
  ever = () => this.sum((one) => (one.open ? one.worst : one.used));
}

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      kind: fc.constant('submit' as const),
      gpus: fc.integer({ min: 1, max: 3 }),
      hours: fc.integer({ min: 1, max: 3 }),
      answer: fc.constantFrom('accepted', 'accepted', 'accepted', 'refused', 'none', 'unknown'),
      dies: fc.option(fc.constantFrom(...DEATHS), { freq: 2 }),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('end' as const),
      share: fc.constantFrom(0, 0.25, 0.5, 1),
      word: fc.constantFrom('accounting', 'marker', 'lost'),
      looked: fc.boolean(),
    }),
  },
  { weight: 2, arbitrary: fc.constant<Step>({ kind: 'look' }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('pass' as const), hours: fc.constantFrom(1, 11, 23, 25) }) },
);
/** Within one boot the clock may be set as it likes; across boots there is only the clock, and it has to be right. */
const setting = fc.constantFrom<Step[]>(...[25, 1000, 0, -25].map((hours) => ({ kind: 'set' as const, hours })));
const rebooting = fc.constant<Step>({ kind: 'reboot' });
const course = (extra: fc.Arbitrary<Step> | null) =>
  fc.array(fc.array(extra ? fc.oneof({ weight: 6, arbitrary: step }, { weight: 1, arbitrary: extra }) : step, { maxLength: 7 }), {
    minLength: 2,
    maxLength: 4,
  });
const courses = fc.oneof({ weight: 2, arbitrary: course(null) }, course(setting), course(rebooting));

function repository(folder: string): { path: string; state: string } {
  const path = join(folder, 'repo');
  const state = join(folder, 'state');
  mkdirSync(join(path, '.autolab', 'gate'), { recursive: true });
  mkdirSync(state);
  const identity = { schema_version: '1', id: '0'.repeat(32), created_at: '2026-01-01T00:00:00Z' };
  writeFileSync(join(path, '.autolab', 'gate', 'id'), JSON.stringify(identity));
  return { path, state };
}

function planOf(gpus: number, hours: number) {
  const made = plan({ gpus, walltimeSeconds: hours * 3600, account: 'lab' });
  return { ...made, price: { ...made.price, cpu_hours: hours, gpu_hours: gpus * hours } };
}

/** One server after the other takes the next step that the order lets it take; the checks stand between any two. */
class Servers {
  readonly world = new World();
  readonly repos: { path: string; state: string }[];
  readonly folder: string;
  readonly reached: Set<string>;
  constructor(folder: string, count: number, reached: Set<string>) {
    this.folder = folder;
    this.reached = reached;
    this.repos = Array.from({ length: count }, (_, at) => {
      mkdirSync(join(folder, String(at)));
      return repository(join(folder, String(at)));
    });
  }

  get states(): string[] {
    return this.repos.map(({ state }) => state);
  }

  asker(gpus = 1, hours = 1) {
    return payerOf(this.repos[0]?.path ?? '', planOf(gpus, hours));
  }

  /** The law, and that no more is counted than what nobody has settled yet. */
  check(): void {
    const { world } = this;
    expect(world.day()).toBeLessThanOrEqual(DAY);
    expect(world.ever()).toBeLessThanOrEqual(ITERATION);
    const spent = spentBy(this.asker(), this.states, world.clock());
    if (!isKnown(spent)) {
      expect(world.isHonest, spent.why).toBe(false);
      return;
    }
    const { day, iteration } = spent.value;
    expect(day.gpuHours).toBeGreaterThanOrEqual(world.day());
    expect(iteration.gpuHours).toBeGreaterThanOrEqual(world.ever());
    expect(iteration.gpuHours).toBeLessThanOrEqual(this.atMost());
    expect(day.gpuHours).toBeLessThanOrEqual(this.atMost());
  }

  /** What may be counted at most: the worst of what was reserved and not looked at, and of the rest what it has come to. */
  atMost(): number {
    return this.world.sum((one) => (one.looked ? one.used : one.worst));
  }

  async submit(server: number, wish: Submit, next: () => Promise<void>): Promise<void> {
    const { world } = this;
    const repo = this.repos[server] ?? { path: '', state: '' };
    const lock = join(this.folder, 'budget.lock');
    const its = planOf(wish.gpus, wish.hours);
    const name = `al_${world.jobs.length}_${server}_${Math.random()}`;
    const one: Job = {
      ...{ name, server, gpus: wish.gpus, worst: wish.gpus * wish.hours, phase: 'intent', open: false, used: 0 },
      ...{ ended: 0, share: 0, word: 'accounting', looked: false },
    };
    const died = { yes: false };
    await new Promise<void>((resolve, reject) => {
      /** A process that is gone: what it holds stays, under a pid that nobody has. */
      const die = () => {
        this.leaveLock(lock);
        died.yes = true;
        resolve();
        return new Promise<never>(() => {});
      };
      const under = async () => {
        if (wish.dies === 'holding') return die();
        await next();
        const spent = spentBy(this.asker(), this.states, world.clock());
        const atMost = this.atMost();
        if (wish.dies === 'looked') return die();
        await next();
        const facts = submission({
          jobs: [job({ gpus: known(wish.gpus), walltimeSeconds: known(wish.hours * 3600) })],
          spent,
        });
        const { verdict } = decide(POLICY, facts, 'act');
        this.reached.add(isKnown(spent) ? verdict : 'unknown');
        if (!isKnown(spent)) expect(verdict).toBe('deny');
        if (verdict !== 'allow') {
          if (isKnown(spent)) expect(atMost + one.worst).toBeGreaterThan(DAY);
          return;
        }
        await next();
        if (wish.dies === 'torn') {
          appendFileSync(join(repo.state, 'spending.jsonl'), '{"v":1,"event":"reserved","at":1');
          return die();
        }
        openSpending(repo.state, world.clock).reserve([reservationOf(repo.path, its, stepOf({ plan: its }), name)]);
        world.jobs.push(one);
        this.check();
        if (wish.dies === 'reserved') return die();
      };
      withLock(lock, `server ${server}`, under).then(() => resolve(), reject);
    });
    if (died.yes || !world.jobs.includes(one)) return;
    await next();
    if (wish.answer === 'accepted' || wish.answer === 'unknown') one.open = true;
    one.phase = wish.answer === 'accepted' ? 'released' : wish.answer;
    this.check();
    if (wish.dies !== 'accepted') this.look(server);
  }

  /** The lock of a server that has died, under a pid that nobody has. */
  leaveLock(lock: string): void {
    const held = JSON.parse(readFileSync(lock, 'utf8')) as Record<string, unknown>;
    writeFileSync(lock, JSON.stringify({ ...held, pid: NOBODY }));
  }

  end(server: number, { share, word, looked }: Extract<Step, { kind: 'end' }>): void {
    const one = this.world.jobs.find((each) => each.server === server && each.open && each.phase === 'released');
    if (!one) return;
    // What ran unseen may have run to the end of its walltime, whatever it really did.
    Object.assign(one, { open: false, share, word, used: one.worst * share, ended: this.world.hours });
    if (looked) this.look(server);
  }

  /** What the next look, of this server or of the one after it, finds out of each job. */
  look(server: number): void {
    const { world } = this;
    const spending = openSpending(this.repos[server]?.state ?? '', world.clock);
    for (const one of world.jobs.filter((each) => each.server === server)) {
      if (one.phase === 'intent') one.phase = 'none';
      const its = planOf(one.gpus, one.worst / one.gpus);
      const attempt: Attempt = {
        ...{ step: 'main', attempt: 1, name: one.name, phase: one.phase, jobId: one.phase === 'released' ? '7' : null },
        ...{ intentAt: '2026-01-01T00:00:00Z', submittedAt: null, planDigest: planDigest(its), policyVersion: 'v' },
      };
      const tasks = [taskOf(one)];
      const record = { ...replay([], [0]), state: 'running' as const, attempts: [attempt], tasks };
      settle({ plan: its, record }, spending);
      if (one.open || one.phase === 'unknown') continue;
      if (one.word === 'lost' && !one.looked && one.phase === 'released') one.used = one.worst;
      one.looked = true;
    }
  }
}

function taskOf({ open, share, worst, gpus, word }: Job): TaskRecord {
  const seconds = (worst / gpus) * share * 3600;
  if (open) return task({ state: 'running', started: 1000 });
  if (word === 'lost') return task({ state: 'failed', failure: 'lost' });
  const used = word === 'accounting' ? { elapsedSeconds: seconds, cpuSeconds: null, maxRssMb: null } : null;
  return task({ state: 'succeeded', started: 1000, ended: 1000 + seconds, used, evidence: 'scheduler+marker' });
}

const reached = new Set<string>();
afterAll(() => {
  // The law is about something only if submissions passed, were refused, and met a clock that cannot be trusted.
  expect([...reached].sort()).toEqual(['allow', 'deny', 'unknown']);
});

// Most of a case is waiting for locks, so that several go beside each other.
describe.concurrent('in whatever order servers submit, die, look and set their clock', () => {
  test.each([1, 2, 3, 4])(
    'what may run and what was used never exceed a limit (%i)',
    async () => {
      await fc.assert(fc.asyncProperty(fc.scheduler(), courses, held), { numRuns: ALL ? 1000 : 250 });
    },
    240_000,
  );
});

/** The steps of each server in turn, between servers in the order given; the law is held after every step. */
async function held(order: fc.Scheduler, courses: readonly Step[][]): Promise<void> {
  const folder = mkdtempSync(join(top, 'case-'));
  const servers = new Servers(folder, courses.length, reached);
  const next = () => order.schedule(Promise.resolve(), 'step');
  const take = async (server: number, one: Step): Promise<void> => {
    const { world } = servers;
    await next();
    if (one.kind === 'submit') await servers.submit(server, one, next);
    else if (one.kind === 'end') servers.end(server, one);
    else if (one.kind === 'look') servers.look(server);
    else if (one.kind === 'pass') world.hours += one.hours;
    else if (one.kind === 'set') [world.ahead, world.isHonest] = [one.hours, false];
    else [world.boots, world.bootedAt] = [world.boots + 1, world.hours];
    servers.check();
  };
  const turns = courses.map(async (steps, server) => {
    for (const one of steps) await take(server, one);
  });
  await order.waitFor(Promise.all(turns));
  rmSync(folder, { recursive: true, force: true });
}
