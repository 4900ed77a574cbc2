import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Failure } from '../../src/base/errors.ts';
import { arrays, chains } from './arrays-and-chains.ts';
import type { Bench } from './bench.ts';
import { Desk, text } from './bench.ts';
import { remembers } from './history.ts';
import { holds } from './holds.ts';
import { jobScriptConformance } from './job-script-suite.ts';

const LIMIT = 400_000;

/** What every scheduler over every transport must do. `setup` starts the real thing, or finds it; `close` of the bench ends it. */
export function conformance(name: string, setup: () => Promise<Bench>): void {
  describe(`${name} as a scheduler`, () => {
    let desk: Desk;
    beforeAll(async () => {
      desk = new Desk(await setup());
    }, LIMIT);
    afterAll(() => desk?.close(), LIMIT);
    held(() => desk);
    ends(() => desk);
    const limited = limits(() => desk);
    arrays(() => desk);
    chains(() => desk);
    holds(() => desk);
    cancels(() => desk);
    remembers(() => desk);
    jobScriptConformance(() => desk);
    limited.end();
  });
}

function held(desk: () => Desk): void {
  test('a held job is known by name and does not run; released, however often, it runs once', { timeout: LIMIT }, async () => {
    const d = desk();
    const folder = d.folder();
    const job = d.job(folder, 'echo ran >>ran', { requested: { cpus: 1, memoryMb: 100, walltimeSeconds: 1200 } });
    expect(await d.find(job.name)).toEqual([]);
    const id = await d.submit(job);
    const asked = Object.entries(job.requested).filter(([, value]) => value !== null);
    expect(await d.ask(d.bench.scheduler.readBack(id))).toMatchObject(Object.fromEntries(asked));
    for (let look = 0; look < 5; look++) {
      const rows = [await d.find(job.name), await d.look({ id, name: job.name })];
      for (const row of rows)
        expect(row).toMatchObject([
          { id, index: null, name: job.name, user: d.bench.user, state: 'held', started: null, ended: null },
        ]);
      expect(text(join(folder, 'ran'))).toBe('');
    }
    await d.release(id);
    await d.release(id).catch(orFailure);
    const [view] = await d.over({ id, name: job.name });
    expect(view).toMatchObject({
      id,
      index: null,
      name: job.name,
      user: d.bench.user,
      state: 'completed',
      exit: 0,
      blocked: false,
    });
    expect(view?.ended).toBeGreaterThanOrEqual(view?.started ?? Number.POSITIVE_INFINITY);
    await d.release(id).catch(orFailure);
    expect(await d.until('it is known by name when it is over', async () => (await d.find(job.name))[0])).toMatchObject({
      id,
      state: 'completed',
    });
    expect(await d.file(join(folder, 'ran'))).toBe('ran\n');
    expect(await d.find(job.name.slice(0, -1))).toEqual([]);
    // Many names are one question, and a name that is not there takes nothing from the others.
    expect(await d.find('al_none.main.1.00', job.name)).toEqual(await d.find(job.name));
  });

  test('the environment is what was given, and nothing of the caller', { timeout: LIMIT }, async () => {
    const d = desk();
    const folder = d.folder();
    const given: Record<string, string> = {
      PLAIN: 'x',
      SPACES: ' a  b ',
      COMMAS: 'a,b,',
      QUOTES: `'"\`\\`,
      DOLLAR: '$HOME $(echo x) %d',
      EQUALS: 'a=b=',
      UNICODE: 'é',
    };
    if (!d.bench.lacks.has('newlines')) given.NEWLINES = 'a\n\nb\n';
    process.env.CONFORMANCE_SECRET = 'secret';
    try {
      const job = d.job(folder, 'env -0 >seen.tmp; mv seen.tmp seen', { environment: given });
      await d.over({ id: await d.start(job), name: job.name });
    } finally {
      delete process.env.CONFORMANCE_SECRET;
    }
    const seen = new Map(
      (await d.file(join(folder, 'seen')))
        .split('\0')
        .map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]),
    );
    expect(Object.fromEntries(Object.keys(given).map((key) => [key, seen.get(key)]))).toEqual(given);
    expect({
      secret: seen.has('CONFORMANCE_SECRET'),
      test: seen.has('VITEST'),
      home: seen.has('HOME'),
      user: seen.get('USER'),
    }).toEqual({
      secret: false,
      test: false,
      home: true,
      user: d.bench.user,
    });
  });

  test('names of scripts and folders may hold blanks and quotes', { timeout: LIMIT }, async ({ skip }) => {
    const d = desk();
    skip(d.bench.lacks.has('paths'));
    const folder = join(d.folder(), `it's a "folder" with $x`);
    mkdirSync(folder);
    d.bench.own?.(folder);
    const script = d.write(join(folder, "a 'script'.sh"), '#!/bin/bash\npwd\necho oops >&2\n');
    const job = d.job(folder, '', { script });
    await d.over({ id: await d.start(job), name: job.name });
    expect([await d.file(join(folder, '0.out')), await d.file(join(folder, '0.err'))]).toEqual([`${folder}\n`, 'oops\n']);
  });
}

function ends(desk: () => Desk): void {
  test('one look tells the states of several jobs, and the queue counts them', { timeout: LIMIT }, async () => {
    const d = desk();
    const { scheduler, user } = d.bench;
    const folder = d.folder();
    const before = await d.ask(scheduler.queue(user));
    const jobs = [
      d.job(folder, 'exit 0'),
      d.job(folder, 'exit 3'),
      d.job(folder, 'while [ ! -e go ]; do sleep 0.1; done'),
      d.job(folder, 'exit 0'),
    ];
    const ids: string[] = [];
    for (const [at, job] of jobs.entries()) ids.push(at < 3 ? await d.start(job) : await d.submit(job));
    const asked = jobs.map((job, at) => ({ id: ids[at] ?? '', name: job.name }));
    const rows = await d.until('two are over and one runs', async () => {
      const seen = await d.look(...asked);
      const states = asked.map(({ id }) => seen.find((view) => view.id === id)?.state);
      return states[0] === 'completed' && states[1] === 'failed' && states[2] === 'running'
        ? asked.map(({ id }) => seen.filter((view) => view.id === id))
        : undefined;
    });
    expect(rows).toMatchObject([
      [{ state: 'completed', exit: 0 }],
      [{ state: 'failed', exit: 3 }],
      [{ state: 'running', exit: null, ended: null }],
      [{ state: 'held' }],
    ]);
    const counted = { active: before.active + 2, pending: before.pending + 1 };
    await d.until(
      'the queue counts a running and a held job',
      async () => JSON.stringify(await d.ask(scheduler.queue(user))) === JSON.stringify(counted),
    );
    d.write(join(folder, 'go'), '');
    expect(await d.over(...asked.slice(2, 3))).toMatchObject([{ state: 'completed' }]);
  });

  test('the version is told', async () => {
    expect(await desk().ask(desk().bench.scheduler.version())).toMatch(/\d/);
  });
}

/** Until a time limit is kept it may take minutes: the job begins here, and the other tests go on beside it until `end` looks at it. */
function limits(desk: () => Desk): { end(): void } {
  let begun: { folder: string; id: string; name: string };
  test('a job that will reach its time limit begins', { timeout: LIMIT }, async () => {
    const d = desk();
    const folder = d.folder();
    const job = d.job(folder, `trap 'echo term >>term' TERM; echo began >began; while :; do sleep 0.1; done`, {
      requested: { walltimeSeconds: d.bench.shortestWalltime },
    });
    begun = { folder, id: await d.start(job), name: job.name };
    expect(await d.file(join(folder, 'began'))).toBe('began\n');
  });
  return {
    end: () =>
      test('a job at its time limit hears TERM and ends as timed out', { timeout: LIMIT }, async () => {
        const d = desk();
        expect(await d.over(begun)).toMatchObject([{ state: 'timeout' }]);
        if (!d.bench.lacks.has('term')) expect(await d.file(join(begun.folder, 'term'))).toMatch(/^(term\n)+$/);
      }),
  };
}

function cancels(desk: () => Desk): void {
  test('held, waiting and running jobs can be cancelled, but by no other name', { timeout: LIMIT }, async () => {
    const d = desk();
    const folder = d.folder();
    const running = d.job(folder, 'echo $$ >running; exec sleep 600');
    const heldJob = d.job(folder, 'echo ran >>ran');
    const ids = [await d.start(running), await d.submit(heldJob)];
    const waiting = d.job(folder, 'echo ran >>ran', { after: [{ id: ids[0] ?? '', on: 'any' }] });
    ids.push(await d.start(waiting));
    const asked = [running, heldJob, waiting].map((job, at) => ({ id: ids[at] ?? '', name: job.name }));
    await d.file(join(folder, 'running'));
    await d.until('it is seen running', async () => (await d.look(...asked.slice(0, 1)))[0]?.state === 'running');
    await d.ask(
      d.bench.scheduler.cancel(
        asked.map(({ id, name }) => ({ id, name: `${name}x` })),
        d.bench.user,
      ),
    );
    const untouched = await d.look(...asked);
    expect(asked.map(({ id }) => untouched.find((view) => view.id === id)?.state)).toEqual(['running', 'held', 'pending']);
    await d.ask(d.bench.scheduler.cancel(asked, d.bench.user));
    const traced = d.bench.lacks.has('traces') ? asked.slice(0, 1) : asked;
    expect((await d.over(...traced)).map((view) => view.state)).toEqual(traced.map(() => 'cancelled'));
    await d.ask(d.bench.scheduler.cancel(asked, d.bench.user));
    expect((await d.look(...asked)).map((view) => view.id).sort()).toEqual(traced.map(({ id }) => id).sort());
    expect(text(join(folder, 'ran'))).toBe('');
  });
}

function orFailure(error: unknown): void {
  if (!(error instanceof Failure)) throw error;
}
