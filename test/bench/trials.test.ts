import { describe, expect, it } from 'vitest';
import { interval } from '../../bench/stats.mjs';
import { OUTCOMES, outcomeOf } from '../../bench/trials/judge.mjs';
import type { Trial } from '../../bench/trials/page.mjs';
import { page } from '../../bench/trials/page.mjs';
import { FAST, FULL, schedule } from '../../bench/trials/schedule.mjs';

describe('interval', () => {
  // Quantiles of the beta law, as scipy.stats.beta gives them.
  it.each([
    [0, 500, 0, 0.00735],
    [0, 10, 0, 0.3085],
    [10, 10, 0.6915, 1],
    [3, 20, 0.0321, 0.3789],
    [17, 84, 0.1225, 0.3042],
    [500, 1000, 0.4685, 0.5315],
  ])('of %i in %i is exact', (k, n, low, high) => {
    const found = interval(k, n);
    expect([found.low, found.high]).toEqual([expect.closeTo(low, 3), expect.closeTo(high, 3)]);
  });
});

describe('the judge', () => {
  const seen = (counts: number[], verdict: 'succeeded' | 'refused' | 'person' | 'unsure', left = 0, strange = false) =>
    outcomeOf({ counts, verdict, left: Array(left).fill('job'), strange });
  it.each([
    [seen([1, 1], 'succeeded'), 'exactly once'],
    [seen([1, 2], 'succeeded'), 'duplicate execution'],
    [seen([0, 2], 'person'), 'duplicate execution'],
    [seen([1, 1], 'succeeded', 1), 'duplicate job left'],
    [seen([1, 0], 'succeeded'), 'wrong success'],
    [seen([0], 'succeeded', 1), 'wrong success'],
    [seen([0], 'unsure', 1), 'lost'],
    [seen([0], 'unsure'), 'lost'],
    [seen([1], 'refused'), 'lost'],
    [seen([1, 0], 'refused'), 'lost'],
    [seen([0, 0], 'refused'), 'refused'],
    [seen([0], 'person'), 'needs a person'],
    [seen([1], 'person'), 'needs a person'],
    [seen([1], 'succeeded', 0, true), 'not judged'],
  ])('%s is what it should be', (found, wanted) => expect(found).toBe(wanted));
});

const places = Object.fromEntries(
  ['single', 'array', 'chain'].map((shape) => [shape, Array.from({ length: 90 }, (_, at) => ({ call: 'fsync', nth: at + 1 }))]),
);

describe('the schedule', () => {
  it('is the same for the same seed, and another for another', () => {
    expect(schedule(FULL, places, 1)).toEqual(schedule(FULL, places, 1));
    expect(schedule(FULL, places, 1)).not.toEqual(schedule(FULL, places, 2));
  });
  it('has every place of every shape once, and at least 500 trials; the fast one about 30', () => {
    const all = schedule(FULL, places, 1);
    const kills = all.filter(({ fault }) => fault === 'kill').map(({ shape, place }) => `${shape} ${place?.nth}`);
    expect([kills.length, new Set(kills).size]).toEqual([270, 270]);
    expect(all.length).toBeGreaterThanOrEqual(500);
    expect(schedule(FAST, places, 1)).toHaveLength(31);
  });
});

describe('the report', () => {
  const trial = (design: string, outcome: Trial['outcome'], fault = 'after-our-look', n = 0): Trial => ({
    ...{ design, seed: 1, n, key: `${fault} single`, fault, shape: 'single', outcome, counts: [1] },
  });
  const machines = [
    { seed: 1, planned: 4, cpus: '2 × any', memory: '1 GiB', kernel: 'Linux', slurm: 'slurm-wlm 22', node: 'v20', version: '0' },
  ];
  const trials = [
    trial('autolab-mcp', 'exactly once'),
    trial('careful-submit.sh', 'duplicate execution'),
    trial('autolab-mcp', 'exactly once', 'noise', 1),
    trial('careful-submit.sh', 'exactly once', 'noise', 1),
  ];
  const others = [
    { suite: 'matrix', site: 'local', operation: 'cancel', call: 'fsync', nth: 1, outcome: 'as undisturbed' },
    { suite: 'matrix', site: 'local', operation: 'cancel', call: 'fsync', nth: 2, outcome: 'torn' },
  ];
  const text = page({ machines, trials, ended: [{ seconds: 120, trials: 4 }], others });

  it('tells all outcomes with their intervals, and every trial that went wrong', () => {
    for (const outcome of OUTCOMES) expect(text).toContain(`| ${outcome} |`);
    expect(text).toContain('| duplicate execution | 0 of 2 (0 %–84 %) | 1 of 2 (1.3 %–99 %) |');
    expect(text).toContain('| careful-submit.sh | 0: after-our-look single | duplicate execution | 1 |');
  });
  it('says where the script does as well, and where it does not', () => {
    expect(text).toMatch(/as it should be under `noise`\./);
    expect(text).toMatch(/^- \*\*`after-our-look`\*\*.*A look sees what has arrived/m);
  });
  it('has a row for what other suites have tried', () => {
    expect(text).toContain('| matrix | local | cancel | 2 | 1 as undisturbed, 1 torn |');
  });
});
