import { existsSync, readdirSync } from 'node:fs';
import { basename, join } from 'node:path';
import { execa } from 'execa';
import { expect, test } from 'vitest';
import type { Reader } from '../hostile/reader.ts';
import { scratch } from '../runs/samples.ts';
import { judge } from './target.ts';

const SECONDS = 3;
/** On a busy machine the bundling alone takes a minute. */
const PATIENCE = 300_000;
const names = readdirSync(join(import.meta.dirname, 'targets')).map((file) => basename(file, '.ts'));
const fuzz = (...args: string[]) =>
  execa('node', [join(import.meta.dirname, 'run.mjs'), '--seed', '1', ...args], { reject: false, all: true });

test.each(names)(
  '%s: a search of a few seconds finds nothing',
  async (name) => {
    const found = scratch('fuzz-found');
    const { all, exitCode } = await fuzz('--seconds', `${SECONDS}`, '--only', name, '--found', found.path);
    found.remove();
    expect(exitCode, all).toBe(0);
    const [, executions, edges, kept, seeds] =
      /: (\d+) executions, (\d+) edges, (\d+) inputs from (\d+) seeds, 0 findings/.exec(all) ?? [];
    expect(Number(executions)).toBeGreaterThan(Number(seeds));
    expect(Number(edges)).toBeGreaterThan(200);
    expect(Number(kept)).toBeGreaterThanOrEqual(Number(seeds));
  },
  PATIENCE,
);

test.each([
  ['nested', 'planted behind three conditions'],
  ['later', 'planted where nobody catches it'],
])(
  'planted/%s.ts is found, told and kept',
  async (name, words) => {
    const found = scratch('fuzz-planted');
    const file = join(import.meta.dirname, 'planted', `${name}.ts`);
    const { all, exitCode } = await fuzz('--executions', '20000', '--file', file, '--found', found.path);
    const kept = existsSync(join(found.path, name)) ? readdirSync(join(found.path, name)) : [];
    found.remove();
    expect(all).toContain(words);
    expect(exitCode).toBe(1);
    expect(kept).toHaveLength(1);
  },
  PATIENCE,
);

test(
  'a call that takes longer than two seconds of processor time is a finding',
  async () => {
    const spent = () => process.cpuUsage().user + process.cpuUsage().system;
    const slow = (micros: number): Reader => ({
      names: ['slow'],
      seeds: [],
      read: () => {
        for (const until = spent() + micros; spent() < until; );
      },
    });
    expect(await judge(slow(2_200_000), '')).toMatchObject({ key: 'slow slow' });
    expect(await judge(slow(1_000), '')).toBeUndefined();
  },
  PATIENCE,
);
