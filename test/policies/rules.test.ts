import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { decide } from '../../src/policies/decide.ts';
import { policyOf } from '../../src/policies/load.ts';
import { testPolicy } from '../../src/policies/policy-tests.ts';
import { passesByWaiting } from '../../src/policies/rules.ts';
import type { Act, Facts, Reason } from '../../src/policies/types.ts';
import { job, known, PRESETS, policy, submission } from './helpers.ts';

const FILE = '.autolab/verifier_policy.yaml';
const gone = { unknown: true, why: 'nobody looked' } as const;
const top = mkdtempSync(join(tmpdir(), 'rules-'));
afterAll(() => rmSync(top, { recursive: true }));

const LONG_GPU = `gate:
  acts: { submit: allow }
  rules:
    - name: long_gpu
      when: { partition: gpu, walltime: { over: "8h" } }
      verdict: ask
      because: "long GPU jobs starve the queue; split with a chain"
      examples:
        - { request: { partition: gpu, walltime: "9:00:00" }, expect: ask }
        - { request: { partition: gpu, walltime: "1:00:00" }, expect: allow }
`;

/** A preset with that rule. */
const OWN = `preset: { name: own, summary: x, recommended_mode: attended }\nexamples: [{ request: {}, expect: allow }]\n${LONG_GPU}`;
mkdirSync(join(top, 'presets'));
writeFileSync(join(top, 'presets', 'own.yaml'), OWN);

/** One rule with examples that hold: `yes` it matches and `no` it does not. */
function rule(when: string, yes: string, no: string, verdict = 'deny'): string {
  return `gate:\n  rules:\n    - when: ${when}\n      verdict: ${verdict}\n      because: so it is\n      examples: [{ request: ${yes}, expect: ${verdict} }, { request: ${no}, expect: allow }]\n`;
}

function said(text: string, facts: Facts): Reason[] {
  return decide(policy(text), facts, 'act').reasons.filter((one) => one.rule.startsWith('rules.'));
}

const HOUR = 3600;
const gpuFor = (hours: number, partition: string | null = 'gpu') =>
  submission({ jobs: [job({ partition: known(partition), walltimeSeconds: known(hours * HOUR) })] });

describe('a rule', () => {
  const base = { rule: 'rules.long_gpu', limit: 'partition gpu, over 8:00:00 of walltime' };
  const origin = { layer: 'project', file: FILE, line: 4 };

  it('that matches gives its verdict, its reason in full, what matched, and both ways out', () => {
    expect(said(LONG_GPU, gpuFor(9))).toEqual([
      {
        ...base,
        verdict: 'ask',
        because: 'long GPU jobs starve the queue; split with a chain (partition gpu, 9:00:00 of walltime)',
        actual: 'partition gpu, 9:00:00 of walltime',
        remedy: 'name another partition than gpu, or ask for at most 8:00:00 of walltime',
        policy_change: `a person may change or take out the rule (${FILE}:4)`,
        origin,
      },
    ]);
  });

  it('that does not match allows, and says by which value', () => {
    const because = 'does not apply: 8:00:00 of walltime';
    expect(said(LONG_GPU, gpuFor(8))).toEqual([
      { ...base, verdict: 'allow', because, actual: '8:00:00 of walltime', remedy: '', origin },
    ]);
  });

  it('that hangs on what nobody knows denies, though it would only ask; a known no is enough to pass', () => {
    expect(said(LONG_GPU, gpuFor(9, null))).toMatchObject([
      {
        verdict: 'deny',
        because:
          'long GPU jobs starve the queue; split with a chain (whether this applies is not known: no partition is named, and the site’s default is not known)',
        actual: 'unknown',
        remedy: 'name another partition than gpu, or ask for at most 8:00:00 of walltime, or mend what keeps it from being known',
      },
    ]);
    expect(said(LONG_GPU, gpuFor(1, null))).toMatchObject([{ verdict: 'allow' }]);
    const whole = (partition: string) => submission({ jobs: [job({ partition: known(partition), walltimeSeconds: known(0) })] });
    expect(said(LONG_GPU, whole('gpu'))).toMatchObject([{ verdict: 'deny' }]);
    expect(said(LONG_GPU, whole('cpu'))).toMatchObject([{ verdict: 'allow' }]);
  });

  it('is judged for each job, and names the step', () => {
    const jobs = [
      job({ step: 'prepare', partition: known('cpu') }),
      job({ step: 'train', partition: known('gpu'), walltimeSeconds: known(9 * HOUR) }),
      job({ step: 'again', partition: known('debug,gpu'), walltimeSeconds: known(10 * HOUR) }),
    ];
    expect(said(LONG_GPU, submission({ jobs })).map(({ verdict, because, remedy }) => [verdict, because, remedy])).toEqual([
      [
        'ask',
        'step train: long GPU jobs starve the queue; split with a chain (partition gpu, 9:00:00 of walltime)',
        'name another partition than gpu, or ask for at most 8:00:00 of walltime (step train)',
      ],
      [
        'ask',
        'step again: long GPU jobs starve the queue; split with a chain (partition debug,gpu, 10:00:00 of walltime)',
        'name another partition than gpu, or ask for at most 8:00:00 of walltime (step again)',
      ],
    ]);
    const { jobs: _jobs, ...none } = submission();
    for (const facts of [none, submission({ jobs: [] })]) expect(said(LONG_GPU, facts)).toMatchObject([{ verdict: 'deny' }]);
  });

  it('on jobs or the queue is about submissions alone; on a site about what goes to one', () => {
    const about = (text: string) =>
      (['submit', 'cancel', 'push', 'pull', 'run_command', 'write', 'read'] as Act[]).filter(
        (act) => said(text, submission({ acts: [act] })).length > 0,
      );
    expect(about(LONG_GPU)).toEqual(['submit']);
    expect(about(rule('{ jobs_active: { over: 2 } }', '{ jobs_active: 3 }', '{}'))).toEqual(['submit']);
    expect(about(rule('{ site: far }', '{ site: far }', '{}'))).toEqual(['submit', 'cancel', 'push', 'pull']);
    const acts = rule('{ act: [cancel, write] }', '{ acts: [write] }', '{}');
    expect(about(acts)).toEqual(['submit', 'cancel', 'push', 'pull', 'run_command', 'write']);
    expect(said(acts, submission({ acts: ['cancel', 'read'] }))).toMatchObject([{ verdict: 'deny', actual: 'act cancel' }]);
  });

  it('without a name is called by its number, from 1', () => {
    const text = `${rule('{ gpus: 4 }', '{ gpus: 4 }', '{}')}    - { name: second, when: { act: write }, verdict: ask, because: x, examples: [{ request: { acts: [write] }, expect: ask }, { request: {}, expect: allow }] }\n    - { when: { act: write }, verdict: ask, because: x, examples: [{ request: { acts: [write] }, expect: ask }, { request: {}, expect: allow }] }\n`;
    expect(said(text, submission()).map(({ rule: id, origin: at }) => [id, at.line])).toEqual([
      ['rules.1', 3],
      ['rules.second', 7],
      ['rules.3', 8],
    ]);
  });

  it('makes the verdict the strictest of all: whichever of rule and limit that is', () => {
    const deny = LONG_GPU.replace('verdict: ask', 'verdict: deny').replace('expect: ask', 'expect: deny');
    const limits = '  limits: { per_job: { walltime: "24:00:00" } }\n';
    expect(decide(policy(LONG_GPU.replace('  rules:', `${limits}  rules:`)), gpuFor(9), 'act').verdict).toBe('ask');
    expect(decide(policy(deny.replace('  rules:', `${limits}  rules:`)), gpuFor(9), 'act').verdict).toBe('deny');
    expect(decide(policy(LONG_GPU), gpuFor(30), 'act').verdict).toBe('deny');
    expect(decide(policy(LONG_GPU), { ...gpuFor(9), review: gone }, 'act').verdict).toBe('deny');
  });
});

describe('comparisons', () => {
  it.each<[string, number[], number[], string]>([
    ['4', [4], [3, 5], 'ask for other than 4 gpus'],
    ['{ over: 2 }', [3], [2, 1], 'ask for at most 2 gpus'],
    ['{ at_least: 2 }', [2, 3], [1], 'ask for less than 2 gpus'],
    ['{ under: 2 }', [1, 0], [2], 'ask for at least 2 gpus'],
    ['{ at_most: 2 }', [0, 2], [3], 'ask for more than 2 gpus'],
    ['{ over: 1, at_most: 4 }', [2, 4], [1, 5], 'ask for at most 1 gpu'],
    // Nobody can ask for less than none.
    ['{ at_least: 0, under: 3 }', [0, 2], [3], 'ask for at least 3 gpus'],
  ])('gpus: %s', (words, matching, passing, remedy) => {
    const text = rule(`{ gpus: ${words} }`, `{ gpus: ${matching[0]} }`, `{ gpus: ${passing[0]} }`);
    const of = (gpus: number) => said(text, submission({ jobs: [job({ gpus: known(gpus) })] }))[0];
    for (const n of matching) expect([n, of(n)?.verdict, of(n)?.remedy]).toEqual([n, 'deny', remedy]);
    for (const n of passing) expect([n, of(n)?.verdict]).toEqual([n, 'allow']);
  });

  it('takes the units of the limits, and lists of names', () => {
    const memory = rule('{ memory: { over: 64GB } }', '{ memory: 65GB }', '{ memory: 64GB }');
    expect(said(memory, submission({ jobs: [job({ memoryMb: known(65 * 1024) })] }))).toMatchObject([
      { verdict: 'deny', actual: '65GB of memory' },
    ]);
    expect(said(memory, submission({ jobs: [job({ memoryMb: known(0) })] }))).toMatchObject([
      { because: expect.stringContaining('memory 0 is the whole node') },
    ]);
    const names = rule(
      '{ account: [lab, guest], qos: long }',
      '{ account: guest, qos: long }',
      '{ account: other, qos: long }',
      'ask',
    );
    const of = (account: string) => said(names, submission({ jobs: [job({ account: known(account), qos: known('long') })] }))[0];
    expect([of('lab'), of('guest'), of('other')].map((one) => one?.verdict)).toEqual(['ask', 'ask', 'allow']);
    expect(of('lab')?.remedy).toBe('name another account than lab, guest, or name another qos than long');
  });

  it('sees the queue as it is before the call', () => {
    const text = rule(
      '{ site: cluster, jobs_active: { over: 2 }, jobs_pending: { at_least: 1 }, submits_last_hour: { over: 0 } }',
      '{ jobs_active: 3, jobs_pending: 1, submits_last_hour: 1 }',
      '{}',
    );
    const facts = submission({
      site: known('cluster'),
      queue: known({ active: 3, pending: 1 }),
      submitsLastHour: known(1),
    });
    expect(said(text, facts)).toMatchObject([
      {
        verdict: 'deny',
        actual: 'site cluster, 3 jobs in the queue, 1 job waiting, 1 job submitted in the last hour',
        remedy:
          'go to another site than cluster, or call again when there are at most 2 jobs in the queue, or call again when there are less than 1 job waiting, or call again when there are at most 0 jobs submitted in the last hour',
      },
    ]);
    expect(said(text, { ...facts, queue: gone })).toMatchObject([{ verdict: 'deny', actual: 'unknown' }]);
    expect(said(text, { ...facts, queue: gone, submitsLastHour: known(0) })).toMatchObject([{ verdict: 'allow' }]);
  });

  it('whose match nothing in the request can change says so, or asks', () => {
    const pushing = submission({ acts: ['push'] });
    const remedy = (verdict: string) => said(rule('{ act: push }', '{ acts: [push] }', '{}', verdict), pushing)[0]?.remedy;
    expect(remedy('deny')).toBe('no change of the request passes this rule');
    expect(remedy('ask')).toBe('have a person approve exactly this call');
  });
});

it('tells the rules that pass by waiting: those on a full queue', () => {
  const passes = (when: string, yes: string, no: string) => passesByWaiting(policy(rule(when, yes, no)), 'rules.1');
  expect(passes('{ jobs_active: { over: 2 } }', '{ jobs_active: 3 }', '{}')).toBe(true);
  expect(passes('{ submits_last_hour: { at_least: 1 }, gpus: 1 }', '{ submits_last_hour: 1, gpus: 1 }', '{}')).toBe(true);
  expect(passes('{ jobs_active: { under: 2 } }', '{}', '{ jobs_active: 2 }')).toBe(false);
  expect(passes('{ gpus: { over: 2 } }', '{ gpus: 3 }', '{}')).toBe(false);
  expect(passesByWaiting(policy(''), 'limits.jobs.active')).toBe(true);
  expect(passesByWaiting(policy(''), 'limits.per_job.gpus')).toBe(false);
});

describe('loading rules', () => {
  const BY_ITSELF = 'this rule by itself says';
  it.each<[string, (text: string) => string, number, number, string]>([
    [
      'an example that does not hold',
      (text) => text.replace('"9:00:00"', '"7:00:00"'),
      9,
      11,
      `gate.rules.0.examples.0: ${BY_ITSELF} allow here (does not apply: 7:00:00 of walltime), not ask`,
    ],
    [
      'an example of another verdict',
      (text) => text.replace('expect: ask', 'expect: deny'),
      9,
      11,
      `gate.rules.0.examples.0: ${BY_ITSELF} ask here (partition gpu, 9:00:00 of walltime), not deny`,
    ],
    [
      'an example that hangs on what it does not say',
      (text) => text.replace('partition: gpu, walltime: "1:00:00"', 'walltime: "9:00:00"'),
      10,
      11,
      `gate.rules.0.examples.1: ${BY_ITSELF} deny here (whether this applies is not known: no partition is named, and the site’s default is not known), not allow`,
    ],
    [
      'no example that matches',
      (text) => text.replace(/ {8}- .*expect: ask \}\n/, ''),
      9,
      9,
      'gate.rules.0.examples: no example that the rule matches',
    ],
    [
      'no example that passes',
      (text) => text.replace(/ {8}- .*expect: allow \}\n/, ''),
      9,
      9,
      'gate.rules.0.examples: no example that the rule lets pass',
    ],
    [
      'no examples',
      (text) => text.replace(/ {6}examples:[\s\S]*/, ''),
      4,
      7,
      'gate.rules.0.examples: expected a list of examples: one that the rule matches, one that it lets pass',
    ],
    [
      'no reason',
      (text) => text.replace(/because: .*/, 'because: " "'),
      7,
      16,
      'gate.rules.0.because: a rule without a reason, not " "',
    ],
    [
      'a rule that loosens',
      (text) => text.replace('verdict: ask', 'verdict: allow'),
      6,
      16,
      'gate.rules.0.verdict: expected ask or deny: a rule never loosens, not "allow"',
    ],
    ['no condition', (text) => text.replace(/when: .*/, 'when: {}'), 5, 13, 'gate.rules.0.when: names no condition'],
    [
      'a condition there is none of',
      (text) => text.replace('partition: gpu, walltime: {', 'partitions: gpu, walltime: {'),
      5,
      15,
      'gate.rules.0.when.partitions is no key of a policy',
    ],
    [
      'a comparison there is none of',
      (text) => text.replace('{ over: "8h" }', '{ over: "8h", above: 9h }'),
      5,
      55,
      'gate.rules.0.when.walltime.above is no key of a policy',
    ],
    [
      'an amount without its unit',
      (text) => text.replace('"8h"', '8'),
      5,
      49,
      'gate.rules.0.when.walltime.over: a plain number; if seconds are meant, write "0:00:08", not 8',
    ],
    [
      'an act there is none of',
      (text) => text.replace('partition: gpu, walltime: {', 'act: read, walltime: {'),
      5,
      20,
      'gate.rules.0.when.act: expected submit, cancel, push, pull, run_command, write, or a list of them, not "read"',
    ],
    [
      'a name that is a number',
      (text) => text.replace('long_gpu', '"1"'),
      4,
      13,
      'gate.rules.0.name: expected a word: letters, digits, _ and -, the first a letter, not "1"',
    ],
    [
      'a name twice',
      (text) => text + text.slice(text.indexOf('    - name')),
      11,
      13,
      'gate.rules.1.name: a second rule with the name long_gpu',
    ],
    ['no list', () => 'gate:\n  rules: { a: 1 }\n', 2, 10, 'gate.rules: expected a list of rules'],
  ])('refuses %s, with its place, and every write with it', (_name, change, line, column, message) => {
    const broken = policyOf(change(LONG_GPU), PRESETS);
    expect(broken.problems).toMatchObject([{ file: FILE, line, column, message }]);
    expect(decide(broken, submission({ acts: ['write'] }), 'look').verdict).toBe('deny');
  });

  it('keeps the examples out of the version: they say nothing that is in force', () => {
    const version = (text: string) => policy(text).version;
    expect(version(LONG_GPU.replace('"1:00:00"', '"2:00:00"'))).toBe(version(LONG_GPU));
    expect(version(LONG_GPU.replace('"8h"', '"7h"'))).not.toBe(version(LONG_GPU));
    expect(version(LONG_GPU.replace('starve', 'block'))).not.toBe(version(LONG_GPU));
  });

  it('takes the rules of a preset with their places; a list of the project’s own replaces them, an empty one too', () => {
    const over = 'policy_resolution: { default_preset: own }\n';
    const ids = (text: string) => {
      const made = policyOf(text, join(top, 'presets'));
      expect(made.problems).toEqual([]);
      return decide(made, gpuFor(9), 'act').reasons.flatMap(({ rule: id, origin, policy_change }) =>
        id.startsWith('rules.') ? [[id, `${origin.file}:${origin.line}`, policy_change]] : [],
      );
    };
    const change = 'a person may change or take out the rule';
    expect(ids(over)).toEqual([
      ['rules.long_gpu', 'presets/own.yaml:6', `${change} (${FILE}; the present value is from presets/own.yaml:6)`],
    ]);
    expect(ids(`${over}gate: { rules: [] }\n`)).toEqual([]);
    expect(ids(`${over}${rule('{ walltime: { over: 8h } }', '{ walltime: 9h }', '{}')}`)).toEqual([
      ['rules.1', `${FILE}:4`, `${change} (${FILE}:4)`],
    ]);
  });
});

describe('testing a policy', () => {
  it('runs the rules of every layer, those that another list lies over too, and tells which are not in force', () => {
    const packaged = join(top, 'presets');
    const tested = (text: string) =>
      testPolicy(policyOf(text, packaged), packaged).map(({ of, origin, ok, replacedBy }) => [
        ok,
        of,
        `${origin.file}:${origin.line}`,
        replacedBy ? `${replacedBy.file}:${replacedBy.line}` : null,
      ]);
    const over = 'policy_resolution: { default_preset: own }\n';
    const preset = [true, 'preset own', 'presets/own.yaml:2', null];
    const rules = (by: string | null) => [11, 12].map((line) => [true, 'rules.long_gpu', `presets/own.yaml:${line}`, by]);
    expect(tested(over)).toEqual([preset, ...rules(null)]);
    expect(tested(`${over}gate: { acts: { submit: deny } }\n`)).toEqual([preset, ...rules(null)]);
    expect(tested(`${over}gate: { rules: [] }\n`)).toEqual([preset, ...rules(`${FILE}:2`)]);
    expect(tested(over + rule('{ gpus: 4 }', '{ gpus: 4 }', '{}'))).toEqual([
      preset,
      ...rules(`${FILE}:3`),
      [true, 'rules.1', `${FILE}:7`, null],
      [true, 'rules.1', `${FILE}:7`, null],
    ]);
  });
});
