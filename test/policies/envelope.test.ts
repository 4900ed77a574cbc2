import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { unknown } from '../../src/base/fact.ts';
import { approvalStore } from '../../src/policies/approvals.ts';
import { decide } from '../../src/policies/decide.ts';
import type { Envelope } from '../../src/policies/envelope.ts';
import { fits } from '../../src/policies/envelope.ts';
import { job, known, policy, submission } from './helpers.ts';

const NOW = new Date('2026-01-01T12:00:00Z');
const asking = policy('gate:\n  acts: { submit: ask }\n');
const TERMS: Envelope = {
  iteration: 'one',
  site: 'cluster',
  submissions: 3,
  cpu_hours: 10,
  gpu_hours: 4,
  rules: ['acts.submit'],
  until: '2026-01-02T00:00:00Z',
};
/** A call that costs so much. */
function call(cpuHours: number, gpus = 0) {
  const facts = submission({
    jobs: [job({ cpus: known(1), gpus: known(gpus), walltimeSeconds: known(cpuHours * 3600) })],
    iteration: 'one',
    site: known('cluster'),
  });
  return { ...facts, decision: decide(asking, facts, 'act') };
}

test.each([
  ['as it was granted', {}, call(1), true],
  ['for another iteration', { iteration: 'two' }, call(1), false],
  ['for another site', { site: 'other' }, call(1), false],
  ['until a time that is over', { until: '2026-01-01T12:00:00Z' }, call(1), false],
  ['for less CPU', { cpu_hours: 0.5 }, call(1), false],
  ['for less GPU', { gpu_hours: 0.5 }, call(1, 1), false],
  ['for another rule', { rules: ['limits.per_job.gpus'] }, call(1), false],
  ['of a call to a site that is not known', {}, { ...call(1), site: unknown('nobody said') }, false],
  ['of a call whose price is not known', {}, { ...call(1), jobs: [job({ gpus: unknown('nobody said') })] }, false],
  ['of a call of no jobs', {}, { ...call(1), jobs: [] }, false],
])('an envelope %s', (_what, terms, asked, expected) => {
  expect(fits({ ...TERMS, ...terms }, [], asked, NOW)).toBe(expected);
});

test('whatever is asked in whatever order, no more than was granted goes through', () => {
  const cost = fc.record({ cpu_hours: fc.double({ min: 0.01, max: 6, noNaN: true }), gpus: fc.integer({ min: 0, max: 2 }) });
  fc.assert(
    fc.property(fc.array(cost, { maxLength: 12 }), fc.integer({ min: 1, max: 6 }), (calls, submissions) => {
      const terms = { ...TERMS, submissions };
      const uses: { cpu_hours: number; gpu_hours: number }[] = [];
      for (const { cpu_hours, gpus } of calls)
        if (fits(terms, uses, call(cpu_hours, gpus), NOW)) uses.push({ cpu_hours, gpu_hours: cpu_hours * gpus });
      const total = (key: 'cpu_hours' | 'gpu_hours') => uses.reduce((sum, one) => sum + one[key], 0);
      expect(uses.length).toBeLessThanOrEqual(submissions);
      expect(total('cpu_hours')).toBeLessThanOrEqual(terms.cpu_hours + 1e-6);
      expect(total('gpu_hours')).toBeLessThanOrEqual(terms.gpu_hours + 1e-6);
    }),
    { numRuns: 2000 },
  );
});

test('many at once take no more of it than there is', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'envelope-'));
  try {
    const stores = [approvalStore(folder), approvalStore(folder)];
    const first = stores[0] ?? expect.fail();
    const made = await first.preapprove(TERMS, asking.version, 'three', 'granted', NOW);
    const question = (at: number) => ({ ...call(1), tool: 'submit_run', subject: { plan: at }, summary: `call ${at}` });
    const used = await Promise.all(Array.from({ length: 8 }, (_, at) => stores[at % 2]?.consume(question(at), NOW)));
    expect(used.filter(Boolean)).toHaveLength(3);
    expect(first.get(made.id, NOW)).toMatchObject({ state: 'consumed', uses: [{}, {}, {}] });
    expect(first.find(question(9), NOW)).toBeUndefined();
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

test('one granted under another policy, or that only waits, answers nothing', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'envelope-'));
  try {
    const store = approvalStore(folder);
    const question = { ...call(1), tool: 'submit_run', subject: {}, summary: 'call' };
    await store.preapprove(TERMS, 'another', 'three', 'granted', NOW);
    await store.preapprove(TERMS, asking.version, 'three', 'pending', NOW);
    expect(await store.consume(question, NOW)).toBeUndefined();
    expect(store.find({ ...question, tool: 'cancel_run' }, NOW)).toBeUndefined();
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
