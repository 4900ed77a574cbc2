import { readdirSync } from 'node:fs';
import { basename, join } from 'node:path';
import { execa } from 'execa';
import { expect, test } from 'vitest';
import { scratch } from '../runs/samples.ts';

const SECONDS = 5;
const names = readdirSync(join(import.meta.dirname, 'targets')).map((file) => basename(file, '.ts'));
const fuzz = (...args: string[]) =>
  execa('node', [join(import.meta.dirname, 'run.mjs'), '--seed', '1', ...args], { reject: false, all: true });

test.each(names)('%s: a search of a few seconds finds nothing', async (name) => {
  const found = scratch('fuzz-found');
  const { all, exitCode } = await fuzz('--seconds', `${SECONDS}`, '--only', name, '--found', found.path);
  found.remove();
  expect(exitCode, all).toBe(0);
  const [, executions, edges, kept, seeds] =
    /: (\d+) executions, (\d+) edges, (\d+) inputs from (\d+) seeds, 0 findings/.exec(all) ?? [];
  expect(Number(executions)).toBeGreaterThan(Number(seeds));
  expect(Number(edges)).toBeGreaterThan(200);
  expect(Number(kept)).toBeGreaterThanOrEqual(Number(seeds));
});

test('what is planted is found: behind conditions one after the other, in time, and where nobody catches it', async () => {
  const found = scratch('fuzz-planted');
  const planted = join(import.meta.dirname, 'planted', 'three-defects.ts');
  const { all, exitCode } = await fuzz('--seconds', '120', '--file', planted, '--found', found.path);
  const kept = readdirSync(join(found.path, 'three-defects'));
  found.remove();
  expect(exitCode).toBe(1);
  expect(all).toContain('planted');
  expect(kept.length).toBeGreaterThan(0);
}, 200_000);
