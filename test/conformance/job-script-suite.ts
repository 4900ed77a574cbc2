import { randomBytes } from 'node:crypto';
import { appendFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { sha256 } from '../../src/base/digest.ts';
import type { JobScriptSpec, MarkerLook } from '../../src/sites/job-script.ts';
import { jobScript, markersCommand } from '../../src/sites/job-script.ts';
import type { Job, Requested } from '../../src/sites/schedulers/scheduler.ts';
import type { Desk } from './bench.ts';
import { text } from './bench.ts';

const LIMIT = 400_000;

/** Our job script under a real scheduler: part of what a scheduler is chosen by. */
export function jobScriptConformance(desk: () => Desk): void {
  test('the job script runs the script as it was asked to, and leaves a marker', { timeout: LIMIT }, async () => {
    const d = desk();
    const lines = `pwd; printf '%s|' "$@" "$SET" "$FROM_SETUP" "$SLURM_JOB_NAME" "$JOB_NAME" "$RUN_ID" "$AUTOLAB_RUN_ID" "$AUTOLAB_ITERATION_ID" "$AUTOLAB_TASK_INDEX" "$AUTOLAB_ATTEMPT"
      sleep 1; exit 5`;
    const s = scripted(d, lines, {
      args: ['a b', "it's"],
      setup: ['export FROM_SETUP="from setup"', 'set -euf'],
      set: { SET: `'"$x\n#$ y` },
    });
    const id = await d.start(s.job);
    const [view] = await d.over({ id, name: s.job.name });
    expect(view).toMatchObject({ state: 'failed', exit: 5 });
    const look = await markers(d, s.gate, (one) => one.markers.length === 1);
    const { node, started, ended, ...marker } = look.markers[0] ?? expect.fail('no marker');
    expect({ ...look, markers: [marker] }).toEqual({
      gate: s.gate,
      markers: [
        {
          schema_version: '1',
          step: 'main',
          task: 0,
          attempt: 1,
          restart: 0,
          job_id: id,
          exit: 5,
          signals: [],
          stdout: join(s.folder, '0.out'),
          stderr: join(s.folder, '0.err'),
        },
      ],
      duplicates: [],
      restarts: [],
      unreadable: [],
    });
    expect([node === view?.node || view?.node === null, ended >= started]).toEqual([true, true]);
    expect(await d.file(join(s.folder, '0.out'))).toBe(`${s.folder}\na b|it's|'"$x\n#$ y|from setup|my job|my job|r1|r1|i1|0|1|`);
  });

  test('output that a script sends elsewhere is found', { timeout: LIMIT }, async () => {
    const d = desk();
    const s = scripted(d, `exec >"own log" 2>>"own errors"; sleep 1; exit 0`);
    await d.over({ id: await d.start(s.job), name: s.job.name });
    const look = await markers(d, s.gate, (one) => one.markers.length === 1);
    expect(look.markers).toMatchObject([{ exit: 0, stdout: join(s.folder, 'own log'), stderr: join(s.folder, 'own errors') }]);
  });

  for (const [order, at] of [
    ['first', [0, 1]],
    ['second', [1, 0]],
  ] as const) {
    test(`of two submissions the ${order} runs when it starts first, and the other ends itself`, { timeout: LIMIT }, async () => {
      const d = desk();
      const s = scripted(d, 'echo ran >>ran');
      const twin: Job = { ...s.job, name: `${s.job.name}2` };
      const jobs = [s.job, twin];
      const asked: { id: string; name: string }[] = [];
      for (const job of jobs) asked.push({ id: await d.submit(job), name: job.name });
      const [winner, loser] = [asked[at[0]], asked[at[1]]];
      if (!winner || !loser) throw new Error('two jobs were submitted');
      await d.release(winner.id);
      expect(await d.over(winner)).toMatchObject([{ state: 'completed', exit: 0 }]);
      await d.release(loser.id);
      expect(await d.over(loser)).toMatchObject([{ state: 'failed', exit: 76 }]);
      const look = await markers(d, s.gate, (one) => one.duplicates.length === 1);
      expect(look).toMatchObject({
        markers: [{ job_id: winner.id, exit: 0 }],
        duplicates: [{ step: 'main', task: 0, attempt: 1, job_id: loser.id, owner: winner.id }],
        unreadable: [],
      });
      expect(text(join(s.folder, 'ran'))).toBe('ran\n');
    });
  }

  test('of two submissions that start together exactly one runs', { timeout: LIMIT }, async () => {
    const d = desk();
    const s = scripted(d, 'echo ran >>ran');
    const jobs: Job[] = [s.job, { ...s.job, name: `${s.job.name}2` }];
    const asked: { id: string; name: string }[] = [];
    for (const job of jobs) asked.push({ id: await d.submit(job), name: job.name });
    await Promise.all(asked.map(({ id }) => d.release(id)));
    const rows = await d.over(...asked);
    const winner = rows.find((view) => view.exit === 0);
    const loser = rows.find((view) => view.exit === 76);
    const look = await markers(d, s.gate, (one) => one.markers.length === 1 && one.duplicates.length === 1);
    expect([look.markers[0]?.job_id, look.duplicates[0]?.job_id, look.duplicates[0]?.owner]).toEqual([
      winner?.id,
      loser?.id,
      winner?.id,
    ]);
    expect(text(join(s.folder, 'ran'))).toBe('ran\n');
  });

  test('a setup that fails runs nothing', { timeout: LIMIT }, async () => {
    const d = desk();
    const s = scripted(d, 'echo ran >>ran', { setup: ['true', 'source ./nothing-here'] });
    const id = await d.start(s.job);
    expect(await d.over({ id, name: s.job.name })).toMatchObject([{ state: 'failed', exit: 78 }]);
    const look = await markers(d, s.gate, (one) => one.markers.length === 1);
    expect(look.markers).toMatchObject([{ job_id: id, exit: 78, refused: 'launch' }]);
    expect(text(join(s.folder, 'ran'))).toBe('');
  });

  test('a script that was changed while the job waited does not run', { timeout: LIMIT }, async () => {
    const d = desk();
    const s = scripted(d, 'echo ran >>ran');
    const id = await d.submit(s.job);
    appendFileSync(join(s.gate, 'script'), 'echo more\n');
    await d.release(id);
    expect(await d.over({ id, name: s.job.name })).toMatchObject([{ state: 'failed', exit: 78 }]);
    const look = await markers(d, s.gate, (one) => one.markers.length === 1);
    expect(look.markers).toMatchObject([{ job_id: id, exit: 78, refused: 'drift' }]);
    expect(text(join(s.folder, 'ran'))).toBe('');
  });

  test('a cancelled script hears TERM, and its marker tells of it', { timeout: LIMIT }, async ({ skip }) => {
    const d = desk();
    skip(d.bench.lacks.has('term'));
    const s = scripted(d, `trap 'exit 0' TERM; echo up >up; while :; do sleep 0.1; done`);
    const id = await d.start(s.job);
    await d.file(join(s.folder, 'up'));
    await d.cancel(id, s.job);
    expect(await d.over({ id, name: s.job.name })).toMatchObject([{ state: 'cancelled' }]);
    const look = await markers(d, s.gate, (one) => one.markers.length === 1);
    expect(look.markers).toMatchObject([{ job_id: id, exit: 0, signals: expect.arrayContaining(['TERM']) }]);
  });

  test('of scripts that are ended together each leaves its exit code', { timeout: LIMIT }, async ({ skip }) => {
    const d = desk();
    skip(d.bench.lacks.has('term'));
    const all = Array.from({ length: 8 }, () => scripted(d, 'sleep 1; echo up >up; exec sleep 600'));
    const asked: { id: string; name: string }[] = [];
    for (const one of all) asked.push({ id: await d.start(one.job), name: one.job.name });
    for (const one of all) await d.file(join(one.folder, 'up'));
    await d.ask(d.bench.scheduler.cancel(asked, d.bench.user));
    expect((await d.over(...asked)).map((view) => view.state)).toEqual(all.map(() => 'cancelled'));
    for (const one of all) {
      const look = await markers(d, one.gate, (seen) => seen.markers.length + seen.unreadable.length === 1);
      expect(look).toMatchObject({ markers: [{ exit: 143, signals: ['TERM'] }], unreadable: [] });
    }
  });

  test('scripts that end at once always end', { timeout: LIMIT }, async () => {
    const d = desk();
    const indices = Array.from({ length: 20 }, (_, at) => at + 1);
    const all = [
      scripted(d, 'exit 0', {}, { indices }),
      scripted(d, 'exit 0', {}, { indices }),
      scripted(d, 'exit 7', {}, { indices, parallel: 7 }),
    ];
    const asked: { id: string; name: string }[] = [];
    for (const one of all) asked.push({ id: await d.start(one.job), name: one.job.name });
    const rows = await d.over(...asked);
    expect(rows.map((view) => view.exit)).toEqual([...Array(40).fill(0), ...Array(20).fill(7)]);
    for (const [at, one] of all.entries()) {
      const look = await markers(d, one.gate, (seen) => seen.markers.length === 20);
      const seen = look.markers.map(({ task, exit, job_id }) => [task, exit, job_id]).sort((a, b) => Number(a[0]) - Number(b[0]));
      expect(seen).toEqual(indices.map((task) => [task, at === 2 ? 7 : 0, asked[at]?.id]));
    }
  });
}

type Scripted = { folder: string; gate: string; job: Job };

/** A job that runs these lines of bash through our job script. */
function scripted(d: Desk, lines: string, more: Partial<JobScriptSpec> = {}, requested: Partial<Requested> = {}): Scripted {
  const folder = d.folder('scripted');
  const gate = join(folder, 'gate');
  const source = `#!/bin/bash\n${lines}\n`;
  const path = d.write(join(gate, 'script'), source);
  const spec: JobScriptSpec = {
    run: 'r1',
    iteration: 'i1',
    step: 'main',
    attempt: 1,
    gate,
    script: { path, sha256: sha256(source) },
    args: [],
    cwd: folder,
    modules: [],
    setup: [],
    set: {},
    jobName: 'my job',
    requeues: 0,
    ...more,
  };
  const script = d.write(join(gate, `job-${randomBytes(3).toString('hex')}.sh`), jobScript(spec));
  return { folder, gate, job: d.job(folder, '', { script, requested }) };
}

function markers(d: Desk, gate: string, enough: (look: MarkerLook) => boolean): Promise<MarkerLook> {
  return d.until('the markers are there', async () => (await d.ask(markersCommand([gate]))).find(enough));
}
