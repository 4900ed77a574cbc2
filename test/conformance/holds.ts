import { join } from 'node:path';
import { expect, test } from 'vitest';
import { Failure } from '../../src/base/errors.ts';
import type { Desk } from './bench.ts';
import { text } from './bench.ts';

const LIMIT = 400_000;

/** What waits can be held and let go again, and what runs goes on. */
export function holds(desk: () => Desk): void {
  test('waiting tasks are held and let go again while another one runs', { timeout: LIMIT }, async () => {
    const d = desk();
    const { scheduler } = d.bench;
    const folder = d.folder();
    const script = `task=$SLURM_ARRAY_TASK_ID; [ -n "$task" ] || task=$SGE_TASK_ID; while [ ! -e go ]; do sleep 0.1; done; echo "$(date +%s.%N) $task" >>all`;
    const array = d.job(folder, script, { requested: { indices: [1, 3, 4, 7], parallel: 1 } });
    const id = await d.start(array);
    const child = d.job(folder, 'echo child >>all', { after: [{ id, on: 'any' }] });
    const asked = [
      { id, name: array.name },
      { id: await d.start(child), name: child.name },
    ];
    const states = async () =>
      new Map((await d.look(...asked)).map((row) => [row.index === null ? 'child' : row.index, row.state]));
    const running = await d.until('a task runs', async () => [...(await states())].find(([, state]) => state === 'running')?.[0]);
    const waiting = [1, 3, 4, 7].filter((index) => index !== running);
    expect(waiting).toHaveLength(3);
    await d.ask(
      scheduler.hold([
        { id, indices: waiting.slice(1) },
        { id: asked[1]?.id ?? '', indices: null },
      ]),
    );
    const [free, ...others] = waiting;
    const held = d.bench.lacks.has('held tasks') ? waiting : others;
    const heldNow = async () => {
      const told = await states();
      const arrays = scheduler.heldTasks ? await d.ask(scheduler.heldTasks([id])) : undefined;
      return waiting.filter((index) => (arrays ? arrays.has(`${id}_${index}`) : told.get(index) === 'held'));
    };
    expect([await heldNow(), (await states()).get('child'), (await states()).get(running ?? 0)]).toEqual([
      held,
      'held',
      'running',
    ]);
    d.write(join(folder, 'go'), '');
    const done = [running, ...(held.includes(free ?? 0) ? [] : [free])];
    await d.until('what was not held is over', async () => {
      const told = await states();
      return done.every((index) => told.get(index ?? 0) === 'completed');
    });
    expect([await heldNow(), text(join(folder, 'all')).trim().split('\n').length]).toEqual([held, done.length]);
    // What is over keeps nothing from the others.
    const all = [
      { id, indices: [1, 3, 4, 7] },
      { id: asked[1]?.id ?? '', indices: null },
    ];
    await d.ask(scheduler.unhold(all));
    expect((await d.over(...asked)).map(({ state }) => state)).toEqual(Array(5).fill('completed'));
    expect(text(join(folder, 'all')).trim().split('\n')).toHaveLength(5);
    await d.ask(scheduler.hold(all)).catch(orFailure);
  });
}

function orFailure(error: unknown): void {
  expect(error).toBeInstanceOf(Failure);
}
