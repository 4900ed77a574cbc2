import { mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { Desk } from './bench.ts';
import { text } from './bench.ts';

const LIMIT = 400_000;
/** The index of an array task, on any scheduler. */
const TASK = 'task=$SLURM_ARRAY_TASK_ID; [ -n "$task" ] || task=$SGE_TASK_ID';

export function arrays(desk: () => Desk): void {
  test('an array runs every index once, and never more at once than it may', { timeout: LIMIT }, async () => {
    const d = desk();
    const folder = d.folder();
    mkdirSync(join(folder, 'now'));
    d.bench.own?.(join(folder, 'now'));
    const script = `${TASK}; mkdir now/$task || exit 9; ls now | wc -l >>most; echo $task >>all; sleep 0.4; rmdir now/$task; echo "task $task"; exit $((task == 4))`;
    const job = d.job(folder, script, { requested: { indices: [1, 2, 3, 4, 5], parallel: 2 } });
    const id = await d.submit(job);
    expect((await d.find(job.name)).map(({ index, state }) => [index, state])).toEqual(
      [1, 2, 3, 4, 5].map((index) => [index, 'held']),
    );
    expect(await d.ask(d.bench.scheduler.readBack(id))).toMatchObject({ indices: [1, 2, 3, 4, 5], parallel: 2 });
    await d.release(id);
    const rows = await d.over({ id, name: job.name });
    expect(rows.map(({ index, state, exit }) => [index, state, exit])).toEqual(
      [1, 2, 3, 4, 5].map((index) => [index, index === 4 ? 'failed' : 'completed', index === 4 ? 1 : 0]),
    );
    const numbers = (name: string) => text(join(folder, name)).trim().split('\n').map(Number);
    expect(numbers('all').sort()).toEqual([1, 2, 3, 4, 5]);
    expect(Math.max(...numbers('most'))).toBeLessThanOrEqual(2);
    expect([1, 2, 3, 4, 5].map((index) => text(join(folder, `${index}.out`)))).toEqual(
      [1, 2, 3, 4, 5].map((index) => `task ${index}\n`),
    );
  });

  test('one task of a held array can go first', { timeout: LIMIT }, async () => {
    const d = desk();
    const folder = d.folder();
    const job = d.job(folder, `${TASK}; echo $task >>all`, { requested: { indices: [1, 2, 3] } });
    const id = await d.submit(job);
    await d.release(`${id}_2`);
    const states = await d.until('the second task is over', async () => {
      const seen = (await d.look({ id, name: job.name }))
        .sort((a, b) => (a.index ?? 0) - (b.index ?? 0))
        .map((view) => view.state);
      return seen[1] === 'completed' ? seen : undefined;
    });
    expect([states, text(join(folder, 'all'))]).toEqual([['held', 'completed', 'held'], '2\n']);
    await d.release(id);
    expect((await d.over({ id, name: job.name })).map((view) => view.state)).toEqual(['completed', 'completed', 'completed']);
    expect(text(join(folder, 'all')).trim().split('\n').sort()).toEqual(['1', '2', '3']);
  });
}

export function chains(desk: () => Desk): void {
  test('a job waits for its parent, goes on after success, and after a failure only if it may', { timeout: LIMIT }, async () => {
    const d = desk();
    const folder = d.folder();
    const good = d.job(folder, 'while [ ! -e go ]; do sleep 0.1; done; echo good >>order');
    const bad = d.job(folder, 'while [ ! -e go ]; do sleep 0.1; done; exit 1');
    const [goodId, badId] = [await d.submit(good), await d.submit(bad)];
    const children = [
      d.job(folder, 'echo child >>order', { after: [{ id: goodId, on: 'success' }] }),
      d.job(folder, 'echo any >>any', { after: [{ id: badId, on: 'any' }] }),
      d.job(folder, 'echo never >>never', { after: [{ id: badId, on: 'success' }] }),
    ];
    const asked: { id: string; name: string }[] = [];
    for (const child of children) asked.push({ id: await d.start(child), name: child.name });
    await d.release(goodId);
    await d.release(badId);
    await d.until('the parents run', async () =>
      (await d.look({ id: goodId, name: good.name }, { id: badId, name: bad.name })).every((view) => view.state === 'running'),
    );
    for (const view of await d.look(...asked)) expect(['pending', 'held']).toContain(view.state);
    d.write(join(folder, 'go'), '');
    expect((await d.over(...asked.slice(0, 2))).map((view) => view.state)).toEqual(['completed', 'completed']);
    expect(text(join(folder, 'order'))).toBe('good\nchild\n');
    if (d.bench.lacks.has('chains')) return;
    await d.until('the last child is given up', async () => {
      const [view] = await d.look(...asked.slice(2));
      return view && (view.state === 'dependency' || view.state === 'cancelled' || view.blocked);
    });
    expect(readdirSync(folder)).not.toContain('never');
  });
}
