import { describe, expect, it } from 'vitest';
import { decide } from '../../src/policies/decide.ts';
import type { Facts, Phase } from '../../src/policies/types.ts';
import { job, known, policy, submission } from './helpers.ts';

const unknown = { unknown: true, why: 'nobody looked' } as const;
const FILE = '.autolab/verifier_policy.yaml';
/** Nothing is asked for but what the test adds. */
const BASE = `gate:
  acts: { submit: allow, cancel: ask, push: deny }
  require: { review_pass: false, stage_checks: false, preflight: false, clean_git: false }
`;

/** The reasons that do not allow, without their places. */
function stopped(text: string, facts: Facts, phase: Phase = 'act'): unknown {
  return decide(policy(BASE + text), facts, phase)
    .reasons.filter((one) => one.verdict !== 'allow')
    .map(({ origin, ...rest }) => rest);
}

it('gives every reason of a yes, whole', () => {
  const made = policy(`${BASE}  allow: { partitions: [gpu], sites: [local], commands: [[uv, run]] }\n`);
  const facts = submission({
    acts: ['submit', 'run_command'],
    commands: [['uv', 'run', 'x']],
    jobs: [job({ partition: known('gpu') })],
  });
  const origin = (line: number) => ({ layer: 'project', file: FILE, line });
  const defaults = { layer: 'defaults', file: 'defaults', line: 0 };
  const passed = { verdict: 'allow', remedy: '' };
  expect(decide(made, facts, 'look')).toEqual({
    verdict: 'allow',
    policy_version: made.version,
    reasons: [
      { ...passed, rule: 'acts.submit', because: 'the policy allows submit', origin: origin(2) },
      { ...passed, rule: 'acts.run_command', because: 'the policy allows run command', origin: defaults },
      {
        ...passed,
        rule: 'allow.sites',
        because: 'the policy allows this site',
        limit: 'local',
        actual: 'local',
        origin: origin(4),
      },
      {
        ...passed,
        rule: 'allow.commands',
        because: 'the policy allows commands that begin so',
        limit: '["uv","run"]',
        actual: '["uv","run","x"]',
        origin: origin(4),
      },
      {
        ...passed,
        rule: 'limits.per_job.cpus',
        because: '1 cpu, within the limit',
        limit: '32 cpus',
        actual: '1 cpu',
        origin: defaults,
      },
      {
        ...passed,
        rule: 'limits.per_job.gpus',
        because: '0 gpus, within the limit',
        limit: '1 gpu',
        actual: '0 gpus',
        origin: defaults,
      },
      {
        ...passed,
        rule: 'limits.per_job.nodes',
        because: '1 node, within the limit',
        limit: '1 node',
        actual: '1 node',
        origin: defaults,
      },
      {
        ...passed,
        rule: 'limits.per_job.walltime',
        because: '0:10:00 of walltime, within the limit',
        limit: '8:00:00 of walltime',
        actual: '0:10:00 of walltime',
        origin: defaults,
      },
      {
        ...passed,
        rule: 'limits.per_job.array_tasks',
        because: '1 array task, within the limit',
        limit: '64 array tasks',
        actual: '1 array task',
        origin: defaults,
      },
      {
        ...passed,
        rule: 'limits.per_job.requeues',
        because: '0 requeues, within the limit',
        limit: '0 requeues',
        actual: '0 requeues',
        origin: defaults,
      },
      {
        ...passed,
        rule: 'limits.jobs.active',
        because: '0 in the queue and 1 of this call, within the limit',
        limit: '3 jobs',
        actual: '1 job',
        origin: defaults,
      },
      {
        ...passed,
        rule: 'limits.jobs.pending',
        because: '0 waiting and 1 of this call, within the limit',
        limit: '10 jobs',
        actual: '1 job',
        origin: defaults,
      },
      {
        ...passed,
        rule: 'limits.jobs.submits_per_hour',
        because: '0 submitted in the last hour and 1 of this call, within the limit',
        limit: '20 jobs',
        actual: '1 job',
        origin: defaults,
      },
      {
        ...passed,
        rule: 'allow.partitions',
        because: 'the policy allows this partition',
        limit: 'gpu',
        actual: 'gpu',
        origin: origin(4),
      },
    ],
  });
});

describe('acts', () => {
  it('ask, with what a person may change', () => {
    expect(stopped('', submission({ acts: ['cancel'] }))).toEqual([
      {
        rule: 'acts.cancel',
        verdict: 'ask',
        because: 'cancel needs a person’s approval',
        remedy: 'have a person approve exactly this call',
        policy_change: `a person may set gate.acts.cancel to allow (${FILE}:2)`,
      },
    ]);
  });

  it('are denied', () => {
    expect(stopped('', submission({ acts: ['push'] }))).toEqual([
      {
        rule: 'acts.push',
        verdict: 'deny',
        because: 'the policy forbids push',
        remedy: 'no change of the request passes this rule',
        policy_change: `a person may set gate.acts.push to ask or allow (${FILE}:2)`,
      },
    ]);
  });

  it('must be named', () => {
    expect(decide(policy(BASE), submission({ acts: [] }), 'look').verdict).toBe('deny');
  });

  it('other than submitting are not judged by what only a submission needs', () => {
    expect(decide(policy(BASE), { acts: ['pull'], subject: null, summary: '' }, 'act').verdict).toBe('allow');
  });
});

describe('limits on a job', () => {
  it('deny above one number and ask above another', () => {
    const text = '  limits: { per_job: { gpus: { ask: 2, deny: 4 }, memory: 64GB } }\n';
    const of = (gpus: number) => stopped(text, submission({ jobs: [job({ gpus: known(gpus) })] }));
    expect([of(2), of(3), of(5)]).toEqual([
      [],
      [
        {
          rule: 'limits.per_job.gpus',
          verdict: 'ask',
          because: '3 gpus; more than 2 gpus needs a person’s approval',
          limit: '2 gpus',
          actual: '3 gpus',
          remedy: 'ask for at most 2 gpus',
          policy_change: `a person may raise gate.limits.per_job.gpus (${FILE}:4)`,
        },
      ],
      [
        {
          rule: 'limits.per_job.gpus',
          verdict: 'deny',
          because: '5 gpus; one job may have at most 4 gpus',
          limit: '4 gpus',
          actual: '5 gpus',
          remedy: 'ask for at most 4 gpus (at most 2 gpus needs no approval)',
          policy_change: `a person may raise gate.limits.per_job.gpus (${FILE}:4)`,
        },
      ],
    ]);
  });

  it('name every step that is too large', () => {
    const jobs = [job({ step: 'one', cpus: known(64) }), job({ step: 'two' }), job({ step: 'three', cpus: known(33) })];
    expect(stopped('', submission({ jobs, queue: known({ active: 0, pending: 0 }) }))).toMatchObject([
      { because: 'step one: 64 cpus; one job may have at most 32 cpus', remedy: 'ask for at most 32 cpus in step one' },
      { because: 'step three: 33 cpus; one job may have at most 32 cpus', remedy: 'ask for at most 32 cpus in step three' },
    ]);
  });

  it.each<[string, Partial<Parameters<typeof job>[0]>, string]>([
    ['an unknown walltime', { walltimeSeconds: unknown }, 'the limit needs a known amount, and nobody looked'],
    ['walltime 0', { walltimeSeconds: known(0) }, 'the limit needs a known amount, and 0 is no amount of walltime'],
    ['no number', { walltimeSeconds: known(Number.NaN) }, 'the limit needs a known amount, and NaN is no amount of walltime'],
    ['endless', { walltimeSeconds: known(Infinity) }, 'the limit needs a known amount, and Infinity is no amount of walltime'],
  ])('deny %s', (_name, more, because) => {
    expect(stopped('', submission({ jobs: [job(more)] }))).toEqual([
      {
        rule: 'limits.per_job.walltime',
        verdict: 'deny',
        because,
        limit: '24:00:00 of walltime',
        actual: 'unknown',
        remedy: 'make the amount known: state at most 24:00:00 of walltime, or mend what keeps it from being looked up',
      },
    ]);
  });

  it('deny a whole node where memory is limited', () => {
    expect(
      stopped('  limits: { per_job: { memory: 64GB } }\n', submission({ jobs: [job({ memoryMb: known(0) })] })),
    ).toMatchObject([
      {
        rule: 'limits.per_job.memory',
        verdict: 'deny',
        because: 'the limit needs a known amount, and memory 0 is the whole node, and how much that is is not known',
      },
    ]);
    expect(stopped('', submission({ jobs: [job({ memoryMb: unknown })] }))).toEqual([]);
  });

  it('deny when it is not known what would be submitted', () => {
    for (const jobs of [undefined, []]) {
      const { jobs: _jobs, ...rest } = submission();
      const decision = decide(policy(BASE), jobs ? { ...rest, jobs } : rest, 'act');
      expect(decision.reasons.filter((one) => one.verdict === 'deny').map((one) => one.rule)).toEqual([
        'limits.per_job.cpus',
        'limits.per_job.gpus',
        'limits.per_job.nodes',
        'limits.per_job.walltime',
        'limits.per_job.array_tasks',
        'limits.per_job.requeues',
        'limits.jobs.active',
        'limits.jobs.pending',
        'limits.jobs.submits_per_hour',
      ]);
    }
  });
});

describe('limits on the number of jobs', () => {
  it('count what is there with what the call adds', () => {
    const facts = submission({ queue: known({ active: 3, pending: 10 }), submitsLastHour: known(20) });
    expect(stopped('', facts)).toMatchObject([
      {
        rule: 'limits.jobs.active',
        because: '3 in the queue and 1 of this call; the policy allows at most 3',
        actual: '4 jobs',
        remedy: 'call again when at most 2 are in the queue',
      },
      { rule: 'limits.jobs.pending', remedy: 'call again when at most 9 are waiting' },
      { rule: 'limits.jobs.submits_per_hour', remedy: 'call again when at most 19 are submitted in the last hour' },
    ]);
  });

  it('count a job that waits for another of the call as pending only', () => {
    const jobs = ['a', 'b', 'c', 'd'].map((step, at) => job({ step, waits: at > 0 }));
    expect(stopped('', submission({ jobs }))).toEqual([]);
    expect(stopped('  limits: { jobs: { pending: 3 } }\n', submission({ jobs }))).toMatchObject([
      {
        rule: 'limits.jobs.pending',
        actual: '4 jobs',
        remedy: 'submit at most 3 jobs at once, or as one array, which counts as one job, or one after the other',
      },
    ]);
  });

  it('deny an unknown queue', () => {
    expect(stopped('', submission({ queue: unknown }))).toMatchObject([
      { rule: 'limits.jobs.active', verdict: 'deny' },
      { rule: 'limits.jobs.pending', verdict: 'deny' },
    ]);
  });
});

describe('allowed names', () => {
  const text = '  allow: { partitions: [gpu, debug], qos: [] }\n';

  it('restrict where there is a list, and an empty one allows none', () => {
    const jobs = [job({ partition: known('gpu,long'), qos: known('high') })];
    expect(stopped(text, submission({ jobs }))).toEqual([
      {
        rule: 'allow.partitions',
        verdict: 'deny',
        because: 'the policy does not allow the partition long',
        limit: 'gpu, debug',
        actual: 'gpu,long',
        remedy: 'name one of these: gpu, debug',
        policy_change: `a person may add long to gate.allow.partitions (${FILE}:4)`,
      },
      {
        rule: 'allow.qos',
        verdict: 'deny',
        because: 'the policy does not allow the qos high',
        limit: 'none',
        actual: 'high',
        remedy: 'no change of the request passes this rule',
        policy_change: `a person may add high to gate.allow.qos (${FILE}:4)`,
      },
    ]);
  });

  it('need a name', () => {
    expect(stopped('  allow: { partitions: [gpu] }\n', submission())).toEqual([
      {
        rule: 'allow.partitions',
        verdict: 'deny',
        because: 'no partition is named, and the site’s default is not known',
        limit: 'gpu',
        actual: 'none named',
        remedy: 'name one of these: gpu',
      },
    ]);
  });

  it('of sites hold for pushing and pulling too', () => {
    expect(stopped('  allow: { sites: [cluster] }\n', submission({ acts: ['pull'] }))).toMatchObject([
      { rule: 'allow.sites', actual: 'local' },
    ]);
    expect(stopped('  allow: { sites: [local] }\n', { acts: ['pull'], subject: 1, summary: '' })).toMatchObject([
      { rule: 'allow.sites', actual: 'unknown' },
    ]);
  });
});

describe('commands', () => {
  const text = '  allow: { commands: [[uv, run, dense], [npm, test]] }\n';
  const run = (...commands: string[][]) => stopped(text, submission({ acts: ['run_command'], commands }));

  it('must begin word by word with an allowed one', () => {
    expect(run(['uv', 'run', 'dense', 'inspect'], ['npm', 'test'])).toEqual([]);
    expect(run(['uv', 'run', 'denser'], ['npm'], [])).toMatchObject([
      { actual: '["uv","run","denser"]' },
      { actual: '["npm"]' },
      { actual: '[]' },
    ]);
  });

  it('say which line a person would add', () => {
    expect(run(['rm', '-rf', 'a b'])).toEqual([
      {
        rule: 'allow.commands',
        verdict: 'deny',
        because: 'no command that the policy allows begins with these words',
        limit: '[["uv","run","dense"],["npm","test"]]',
        actual: '["rm","-rf","a b"]',
        remedy: 'leave the command out',
        policy_change: `a person may add the line \`- ["rm","-rf","a b"]\`, or the words it may begin with, to gate.allow.commands (${FILE}:4)`,
      },
    ]);
  });

  it('are judged even if the call does not name the act, and must be known if it does', () => {
    expect(stopped(text, submission({ commands: [['rm']] }))).toMatchObject([{ rule: 'allow.commands' }]);
    expect(stopped(text, { acts: ['run_command'], subject: 1, summary: '' })).toMatchObject([
      { because: 'it is not known which commands would run' },
    ]);
  });
});

describe('what must hold before a submission', () => {
  const required = policy(
    'gate:\n  acts: { submit: allow }\n  require: { review_pass: true, stage_checks: true, preflight: true, clean_git: true }\n',
  );
  const denied = (more: Partial<Facts>, phase: Phase = 'act') =>
    decide(required, submission(more), phase)
      .reasons.filter((one) => one.verdict === 'deny')
      .map((one) => `${one.rule}: ${one.because}${one.quoted === undefined ? '' : ` <${one.quoted}>`}`);

  it.each<[string, Partial<Facts>, string[]]>([
    ['all in order', {}, []],
    ['no review', { review: unknown }, ['require.review_pass: the review is required and not known: nobody looked']],
    [
      'a failed review',
      { review: known({ status: 'needs_retry', findings: ['leak'] }) },
      ['require.review_pass: review_result.json says needs_retry and lists 1 finding <leak>'],
    ],
    [
      'a pass that blocks',
      { review: known({ status: 'pass', findings: ['leak'] }) },
      ['require.review_pass: the review says pass and still lists 1 finding that blocks <leak>'],
    ],
    [
      'failed checks',
      { checks: known({ stage: 'launch', failed: ['a', 'b'] }) },
      ['require.stage_checks: checks of stage launch fail: a; b'],
    ],
    [
      'unknown checks',
      { checks: unknown },
      ['require.stage_checks: the outcome of the checks is required and not known: nobody looked'],
    ],
    [
      'a failed probe',
      { probes: known([{ name: 'test', argv: [], ok: false, detail: 'exit code 1', quoted: 'no\u001b[31m' }]) },
      ['require.preflight: preflight failed: test: exit code 1 <no>'],
    ],
    [
      'unknown probes',
      { probes: unknown },
      ['require.preflight: the outcome of preflight is required and not known: nobody looked'],
    ],
    ['changes', { git: known({ clean: false, changed: ['x.py'] }) }, ['require.clean_git: not committed: 1 file <x.py>']],
    ['unknown git', { git: unknown }, ['require.clean_git: the state of git is required and not known: nobody looked']],
  ])('%s', (_name, more, reasons) => {
    expect(denied(more)).toEqual(reasons);
  });

  it('does not judge the probes in the first look, and does afterwards', () => {
    const { probes: _probes, ...before } = submission();
    const verdict = (phase: Phase) => decide(required, before, phase).verdict;
    expect([verdict('look'), verdict('probe'), verdict('act')]).toEqual(['allow', 'deny', 'deny']);
  });
});
