import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeEach, expect, test } from 'vitest';
import { shortId } from '../../src/base/ids.ts';
import { over } from '../support/asking.ts';
import type { Tiny } from '../support/tiny.ts';
import { forgetTemplate, makeTiny, TINY_POLICY } from '../support/tiny.ts';

let tiny: Tiny;
beforeEach(async () => {
  tiny = await makeTiny();
});
afterEach(() => tiny.remove());
afterAll(forgetTemplate);

test('a run of the longest id there may be goes through the whole loop', async () => {
  const id = `R${'x'.repeat(127)}`;
  const primary = { name: 'executions', value: 1, delta_vs_baseline: null };
  const metrics = { schema_version: '1.0', iteration_id: 'tiny', run_id: id, status: 'completed', primary_metric: primary };
  writeFileSync(join(tiny.path, 'metrics.json'), JSON.stringify({ metrics }));
  writeFileSync(join(tiny.path, '.autolab', 'verifier_policy.yaml'), `${TINY_POLICY}  allow: { commands: [[cat]] }\n`);
  expect(await tiny.run(['submit', '--run-id', id])).toMatchObject({ exit: 0 });
  await over(tiny);
  expect(await tiny.run(['sync'])).toMatchObject({ exit: 0 });
  const extracted = await tiny.run(['extract']);
  expect([extracted.stderr, extracted.stdout]).toEqual(['', expect.stringContaining(`Run ${id} is completed: executions = 1.`)]);
  expect((await tiny.run(['audit', 'verify'])).exit).toBe(0);
});

test('a long id is told from another that begins like it', () => {
  const ids = ['a', 'b'].map((end) => `${'X'.repeat(127)}${end}`);
  const short = ids.map((one) => shortId(one, 96));
  expect(new Set(short).size).toBe(2);
  expect(short.every((one) => one.length <= 96 && /^x+-[0-9a-f]{16}$/.test(one))).toBe(true);
  expect(shortId('R1', 96)).toBe('r1');
});
