import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { until } from './repo.ts';
import type { Tiny } from './tiny.ts';

/** What a command answers as data, whatever its exit code says; a failure without data is thrown in its words. */
export async function answered<T>(tiny: Pick<Tiny, 'run'>, ...args: string[]): Promise<T> {
  const done = await tiny.run([...args, '--json']);
  if (done.stdout === '') throw new Error(done.stderr);
  return JSON.parse(done.stdout) as T;
}

/** Looks until nothing is waited for. */
export function over(tiny: Tiny): Promise<boolean> {
  return until('it is over', async () => (await answered<{ all_over: boolean }>(tiny, 'monitor')).all_over || undefined);
}

/** What the tasks of a chain have noted, in their order. */
export function order(tiny: Tiny): string[] {
  return readFileSync(join(tiny.iteration, 'order'), 'utf8').trim().split('\n');
}

/** The same about the experiment that a test has at the moment. */
export function asking(tiny: () => Tiny) {
  return {
    answered: <T>(...args: string[]): Promise<T> => answered<T>(tiny(), ...args),
    over: (): Promise<boolean> => over(tiny()),
    order: (): string[] => order(tiny()),
  };
}
