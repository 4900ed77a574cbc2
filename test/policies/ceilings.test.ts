import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import type { CeilingLayer } from '../../src/policies/ceilings.ts';
import { readCeilings } from '../../src/policies/ceilings.ts';
import { decide } from '../../src/policies/decide.ts';
import { effectiveValues } from '../../src/policies/effective.ts';
import type { Policy } from '../../src/policies/load.ts';
import { policyOf } from '../../src/policies/load.ts';
import type { Facts, Verdict } from '../../src/policies/types.ts';
import { ACTS, VERDICTS } from '../../src/policies/types.ts';
import { absurd, facts, phase } from './arbitrary-facts.ts';
import { gate, made, oneOf, preset } from './arbitrary-gate.ts';
import { job, known, PRESETS, submission } from './helpers.ts';

const over = (text: string, layer: CeilingLayer = 'administrator') => ({ layer, file: `/etc/autolab/${layer}.yaml`, text });
const OWN =
  'gate:\n  acts: { submit: allow }\n  limits: { per_job: { gpus: 64, walltime: "9:00:00" } }\n  approve: elicitation\n';
const under = (own: string, ...texts: ReturnType<typeof over>[]) => policyOf(own, PRESETS, texts);
const rules = (policy: ReturnType<typeof under>, facts: Facts = submission()) =>
  decide(policy, facts, 'act').reasons.filter(({ verdict }) => verdict !== 'allow');

describe('a ceiling', () => {
  it('denies what the repository allows, and says who may change it and where', () => {
    const policy = under(OWN, over('gate:\n  limits:\n    per_job:\n      gpus: { ask: 2, deny: 4 }\n'));
    expect(policy.problems).toEqual([]);
    expect(rules(policy, submission({ jobs: [job({ gpus: known(8) })] }))).toEqual([
      {
        rule: 'limits.per_job.gpus',
        verdict: 'deny',
        because: '8 gpus; one job may have at most 4 gpus',
        limit: '4 gpus',
        actual: '8 gpus',
        remedy: 'ask for at most 4 gpus (at most 2 gpus needs no approval)',
        policy_change:
          'only the administrator may raise gate.limits.per_job.gpus (/etc/autolab/administrator.yaml:4); no file of the repository can',
        origin: { layer: 'administrator', file: '/etc/autolab/administrator.yaml', line: 4 },
      },
    ]);
    expect(rules(policy, submission({ jobs: [job({ gpus: known(3) })] }))).toMatchObject([{ verdict: 'ask' }]);
  });

  it('does not allow what the repository denies, nor commands that it does not name', () => {
    const policy = under(
      OWN.replace('submit: allow', 'submit: deny'),
      over('gate: { acts: { submit: allow }, allow: { commands: [[uv, run]] } }\n'),
    );
    const facts = submission({ acts: ['submit', 'run_command'], commands: [['uv', 'run', 'x']] });
    expect(rules(policy, facts).map(({ rule, origin }) => [rule, origin.layer])).toEqual([
      ['acts.submit', 'project'],
      ['allow.commands', 'defaults'],
    ]);
  });

  it('has rules of its own, which no list of the repository replaces', () => {
    const rule = `{ name: long_gpu, when: { gpus: { over: 1 } }, verdict: deny, because: "short of GPUs", examples: [{ request: { gpus: 2 }, expect: deny }, { request: {}, expect: allow }] }`;
    const policy = under(`${OWN}  rules: []\n`, over(`gate:\n  rules:\n    - ${rule}\n`));
    expect(policy.problems).toEqual([]);
    expect(rules(policy, submission({ jobs: [job({ gpus: known(2) })] }))).toMatchObject([
      { rule: 'rules.long_gpu', verdict: 'deny', origin: { layer: 'administrator', line: 3 } },
    ]);
  });

  it('says nothing of what it leaves open', () => {
    const policy = under(OWN, over('gate: { require: { clean_git: true } }\n'));
    const all = decide(policy, submission({ acts: ['submit', 'run_command'] }), 'act').reasons;
    expect(all.filter(({ origin }) => origin.layer === 'administrator').map(({ rule }) => rule)).toEqual(['require.clean_git']);
  });

  it('makes the strictest of all layers hold where there is no verdict: the pace, and where a person answers', () => {
    const policy = under(
      OWN,
      over('gate: { limits: { scheduler: { poll_seconds: 300 } } }\n'),
      over('gate: { limits: { scheduler: { calls_per_hour: 10, poll_seconds: 5 } }, approve: terminal }\n', 'user'),
    );
    expect(policy.gate).toMatchObject({ approve: 'terminal', limits: { scheduler: { poll_seconds: 300, calls_per_hour: 10 } } });
  });

  it('is another policy when it changes, and is shown with what is in force', () => {
    const [one, two] = ['gate: { acts: { cancel: deny } }\n', 'gate: { acts: { cancel: ask } }\n'].map((text) =>
      under(OWN, over(text)),
    );
    expect(one?.version).not.toBe(two?.version);
    expect(one && effectiveValues(one).at(-1)).toEqual({
      path: 'gate.acts.cancel',
      value: 'deny',
      origin: { layer: 'administrator', file: '/etc/autolab/administrator.yaml', line: 1 },
    });
  });
});

describe('a ceiling that cannot be used denies everything but reading', () => {
  const folder = mkdtempSync(join(tmpdir(), 'ceilings-'));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  it.each([
    ['a misspelt key', 'gate: { limit: {} }\n', 1, /gate\.limit is no key of a policy/],
    ['a key of the repository', 'gate: {}\ntest_command: x\n', 2, /a ceiling says nothing but gate/],
    ['no YAML', 'gate: [\n', 2, /./],
    ['a wrong unit', 'gate:\n  limits: { per_job: { walltime: 8 } }\n', 2, /plain number/],
  ])('%s', (_what, text, line, message) => {
    const policy = under(OWN, over(text));
    expect(policy.problems[0]).toMatchObject({
      file: '/etc/autolab/administrator.yaml',
      line,
      message: expect.stringMatching(message),
    });
    for (const act of ACTS)
      expect(decide(policy, submission({ acts: [act] }), 'act').verdict).toBe(act === 'read' ? 'allow' : 'deny');
    expect(rules(policy)[0]?.origin.layer).toBe('administrator');
  });
  it('one that was named and is not there, and one that cannot be read', () => {
    const missing = readCeilings([{ layer: 'server', file: join(folder, 'none.yaml'), needed: true }]);
    expect(policyOf(OWN, PRESETS, missing).problems).toMatchObject([{ message: expect.stringContaining('is not there') }]);
    expect(policyOf(OWN, PRESETS, readCeilings([{ layer: 'user', file: folder }])).problems).toHaveLength(1);
    expect(policyOf(OWN, PRESETS, readCeilings([{ layer: 'user', file: join(folder, 'none.yaml') }])).problems).toEqual([]);
    writeFileSync(join(folder, 'there.yaml'), 'gate: { acts: { submit: deny } }\n');
    const there = policyOf(OWN, PRESETS, readCeilings([{ layer: 'server', file: join(folder, 'there.yaml'), needed: true }]));
    expect(rules(there)).toMatchObject([{ rule: 'acts.submit', origin: { layer: 'server' } }]);
  });
});

const LOOSEST = {
  acts: { submit: 'allow', cancel: 'allow', push: 'allow', pull: 'allow', run_command: 'allow', write: 'allow' },
} as const;
/** Repositories under one ceiling, under two, and under none, and the loosest of repositories under the one. */
const layered = () =>
  oneOf(fc.tuple(gate, preset, gate, gate), 120, ([own, under, first, second]) => ({
    without: made(own, under),
    one: made(own, under, first),
    both: made(own, under, first, second),
    loosest: made(LOOSEST, 'local_dev', first),
  }));
const reached = new Set<string>();

it('no policy of the repository, no preset and no other ceiling widens a ceiling, or is widened by it', () => {
  fc.assert(
    fc.property(layered(), fc.oneof(facts, absurd), phase, ({ value: { without, one, both, loosest } }, about, when) => {
      const judge = (policy: Policy) => decide(policy, about, when);
      const ofCeiling = (policy: Policy, layer = 'administrator') =>
        judge(policy).reasons.filter((r) => r.origin.layer === layer);
      const rank = (reasons: readonly { verdict: Verdict }[]) => Math.max(0, ...reasons.map((r) => VERDICTS.indexOf(r.verdict)));
      const said = ofCeiling(one);
      // What a ceiling says is the same word for word over whatever repository, and the strictest of all words is the verdict.
      expect(ofCeiling(loosest)).toEqual(said);
      expect(ofCeiling(both)).toEqual(said);
      expect(judge(one).reasons.filter((r) => r.origin.layer !== 'administrator')).toEqual(judge(without).reasons);
      const all = [...judge(without).reasons, ...said];
      expect(VERDICTS.indexOf(judge(one).verdict)).toBe(rank(all));
      expect(VERDICTS.indexOf(judge(both).verdict)).toBe(rank([...all, ...ofCeiling(both, 'user')]));
      reached.add(`${judge(without).verdict} ${judge(one).verdict}`);
    }),
    { numRuns: 3000 },
  );
  expect([...reached].sort()).toEqual(['allow allow', 'allow ask', 'allow deny', 'ask ask', 'ask deny', 'deny deny'].sort());
});
