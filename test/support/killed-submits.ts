import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { killing } from './cut.mjs';
import { ALL, placesOf, STARTS, someOf } from './places.ts';
import { until } from './repo.ts';

/** One repository whose script notes each execution. `submit` runs the command behind a prefix, and tells how it ended. */
export type Killable = {
  iteration: string;
  submit(prefix: readonly string[], ...args: string[]): Promise<{ killed: boolean; stdout: string }>;
  json<T>(...args: string[]): Promise<T>;
  executions(): string[];
};

/** What came of one submission that was killed: how often its run was executed, where one was begun. */
export type Killed = { begun: boolean; executions: number };

/**
 * Kills a submission at every start of a program, which is where something is told to a site, or at `starts: 'some'` of them, and at a few other
 * places; makes the same call
 * again until the run is there, and waits for its end. By place; only those where it was killed.
 */
export async function killSubmits(
  its: Killable,
  others: number,
  starts: 'every' | 'some' = 'every',
): Promise<Record<string, Killed>> {
  const runs = () => readdirSync(join(its.iteration, 'runs')).sort();
  const places = await placesOf((prefix) => its.submit(prefix, '--again'));
  await over(its);
  const killed: Record<string, Killed> = {};
  for (const { call, nth } of ALL ? places : someOf(places, others, starts === 'every' ? STARTS : [])) {
    const before = runs();
    const ended = await its.submit(killing(call, nth), '--again');
    if (ended.killed) {
      await until('the submission is finished', async () => {
        const told = await its.submit([]);
        return told.stdout.includes('"job_id": "') || undefined;
      });
    }
    await over(its);
    if (!ended.killed) continue;
    const [run] = runs().filter((id) => !before.includes(id));
    const executions = its.executions().filter((line) => line === run).length;
    killed[`${call} ${nth}`] = { begun: run !== undefined, executions };
  }
  return killed;
}

async function over(its: Killable): Promise<void> {
  await until('it is over', async () => (await its.json<{ all_over: boolean }>('monitor')).all_over || undefined, 120);
}
