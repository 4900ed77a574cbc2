import { mkdirSync, utimesSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { checkExpectations } from '../../../src/runs/artifacts/check.ts';
import { parseLaunchFile } from '../../../src/runs/launch/launch-file.ts';
import type { Plan } from '../../../src/runs/launch/plan.ts';
import type { Run } from '../../../src/runs/run.ts';
import type { TaskRecord } from '../../../src/runs/types.ts';
import { observed, plan, runOnDisk, task, told } from '../samples.ts';

/** A run of so many tasks that have ended, submitted a moment ago, whose launch.yaml expects this (the items of a YAML list). */
export function expecting(
  folder: string,
  expect: string,
  tasks: number | readonly Partial<TaskRecord>[] = 1,
  change: Partial<Plan> = {},
): Run {
  const records = typeof tasks === 'number' ? Array.from({ length: tasks }, () => ({})) : tasks;
  const all = records.map((one, index) => task({ index, state: 'succeeded', started: Math.floor(Date.now() / 1000), ...one }));
  const its = { ...plan({ indices: all.length > 1 ? all.map(({ index }) => index) : null }), ...change };
  const { artifacts } = parseLaunchFile(
    `schema_version: "1"\nartifacts:\n  expect:\n${expect.replace(/^/gm, '    ')}\n`,
    'l.yaml',
  );
  its.artifacts = { pull: [], expect: JSON.parse(JSON.stringify(artifacts.expect)) };
  return runOnDisk(folder, [...told(), observed(all)], its);
}

/** Writes files of a run; a text that ends with a slash makes a folder. `age` is how many seconds ago. */
export function write(run: Run, files: Readonly<Record<string, string | Buffer>>, age = 0): void {
  for (const [name, content] of Object.entries(files)) {
    const path = join(run.folder, name);
    mkdirSync(content === '/' ? path : dirname(path), { recursive: true });
    if (content !== '/') writeFileSync(path, content);
    const time = Date.now() / 1000 - age;
    utimesSync(path, time, time);
  }
}

export async function missingOf(run: Run): Promise<string[]> {
  return (await checkExpectations(run)).missing;
}
