import { expect, test } from 'vitest';
import type { Desk } from './bench.ts';

const LIMIT = 400_000;

/** What a scheduler remembers is a witness of what was submitted: nothing may be missing from it, whatever became of it. */
export function remembers(desk: () => Desk): void {
  test('jobs of every fate are remembered once each, with name, comment and time', { timeout: LIMIT }, async () => {
    const d = desk();
    const folder = d.folder();
    const begun = Math.floor(Date.now() / 1000);
    const comment = 'autolab-mcp 1 run=r plan=p head=0123456789ab';
    const [held, withdrawn, array] = [
      d.job(folder, 'true', { comment }),
      d.job(folder, 'true', { comment }),
      d.job(folder, 'true', { comment, requested: { indices: [1, 2, 3] } }),
    ];
    const ids = [await d.submit(held), await d.submit(withdrawn), await d.start(array)];
    await d.cancel(ids[1] ?? '', withdrawn);
    await d.over({ id: ids[2] ?? '', name: array.name });
    const { at, jobs } = await d.ask(d.bench.scheduler.history(d.bench.user, begun - 60, ids));
    expect(Math.abs(at - Date.now() / 1000)).toBeLessThan(60);
    const isUntraced = d.bench.lacks.has('traces');
    for (const [place, { name }] of [held, withdrawn, array].entries()) {
      const found = jobs.filter((one) => one.id === ids[place]);
      expect(found.map(({ folder: _, ...one }) => one)).toEqual([
        {
          id: ids[place],
          name,
          user: d.bench.user,
          submitted: expect.any(Number),
          comment: place === 1 && isUntraced ? null : comment,
        },
      ]);
      // Where a scheduler tells the folder it is the job's own.
      expect([undefined, folder]).toContain(found[0]?.folder);
      expect(found[0]?.submitted).toBeGreaterThanOrEqual(begun - 5);
    }
    expect(jobs.filter(({ id }) => id === '987654')).toEqual([]);
    await d.cancel(ids[0] ?? '', held);
  });
}
