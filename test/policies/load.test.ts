import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { decide } from '../../src/policies/decide.ts';
import { loadPolicy, policyOf } from '../../src/policies/load.ts';
import { PRESETS, policy, submission } from './helpers.ts';

const FILE = '.autolab/verifier_policy.yaml';
const top = mkdtempSync(join(tmpdir(), 'policy-'));
afterAll(() => rmSync(top, { recursive: true }));

function repository(name: string, text?: string): string {
  const repo = join(top, name);
  mkdirSync(join(repo, '.autolab'), { recursive: true });
  if (text !== undefined) writeFileSync(join(repo, FILE), text);
  return repo;
}

const none = { ask: null };
const PRESET_LINES = readFileSync(join(PRESETS, 'slurm.yaml'), 'utf8').split('\n');

describe('loading a policy', () => {
  it('is the defaults where there is no file', () => {
    const loaded = loadPolicy(repository('empty'), PRESETS);
    expect({
      gate: loaded.gate,
      preset: loaded.preset,
      problems: loaded.problems,
      origin: loaded.origin('gate.acts.submit'),
    }).toEqual({
      gate: {
        acts: { submit: 'ask', cancel: 'ask', push: 'ask', pull: 'allow', run_command: 'allow', write: 'allow' },
        limits: {
          jobs: { active: { ...none, deny: 3 }, pending: { ...none, deny: 10 }, submits_per_hour: { ...none, deny: 20 } },
          per_job: {
            cpus: { ...none, deny: 32 },
            gpus: { ...none, deny: 1 },
            nodes: { ...none, deny: 1 },
            walltime: { ask: 28_800, deny: 86_400 },
            array_tasks: { ...none, deny: 64 },
            requeues: { ...none, deny: 0 },
          },
          scheduler: { calls_per_hour: 240, poll_seconds: 60 },
        },
        allow: { commands: [] },
        require: { review_pass: true, stage_checks: true, preflight: true, clean_git: false, seal: false },
        approve: 'terminal',
      },
      preset: null,
      problems: [],
      origin: { layer: 'defaults', file: 'defaults', line: 0 },
    });
  });

  it('lays the project over the preset over the defaults, and knows who said each value', () => {
    const text = [
      '# mine',
      'policy_resolution:',
      '  default_preset: slurm',
      'gate:',
      '  limits:',
      '    per_job:',
      '      gpus: { ask: 2 }',
      '      walltime: 12:00:00',
      '      memory: 64G',
      '  allow:',
      '    partitions: [gpu]',
      'launch:',
      '  local_timeout_seconds: 15:00',
      '  execute: yes',
      'slurm:',
      '',
    ].join('\n');
    const loaded = loadPolicy(repository('layers', text), PRESETS);
    expect(loaded.problems).toEqual([]);
    expect({
      per_job: loaded.gate.limits.per_job,
      allow: loaded.gate.allow,
      launch: loaded.autolab.launch,
      strict: loaded.autolab.slurm.lifecycle_strict,
      preset: loaded.preset,
    }).toEqual({
      per_job: {
        cpus: { ...none, deny: 32 },
        gpus: { ask: 2, deny: 4 },
        nodes: { ...none, deny: 1 },
        memory: { ...none, deny: 65_536 },
        walltime: { ...none, deny: 43_200 },
        array_tasks: { ...none, deny: 64 },
        requeues: { ...none, deny: 0 },
      },
      allow: { partitions: ['gpu'], commands: [] },
      launch: { execute: true, script_generation: 'missing_only', local_timeout_seconds: 900, slurm_submit_timeout_seconds: 30 },
      strict: true,
      preset: 'slurm',
    });
    const line = (path: string) => [loaded.origin(path).layer, loaded.origin(path).line];
    const preset = (pattern: RegExp) => PRESET_LINES.findIndex((one) => pattern.test(one)) + 1;
    expect({
      ask: line('gate.limits.per_job.gpus.ask'),
      deny: line('gate.limits.per_job.gpus.deny'),
      walltime: line('gate.limits.per_job.walltime'),
      partitions: line('gate.allow.partitions'),
      cpus: line('gate.limits.per_job.cpus'),
      lint: line('prompt_lint.mode'),
      execute: line('launch.execute'),
      left_empty: line('slurm.lifecycle_strict'),
      accounts: line('gate.allow.accounts'),
    }).toEqual({
      ask: ['project', 7],
      deny: ['preset', preset(/^ {6}gpus:/)],
      walltime: ['project', 8],
      partitions: ['project', 11],
      cpus: ['preset', preset(/^ {6}cpus:/)],
      lint: ['preset', preset(/^prompt_lint/)],
      execute: ['project', 14],
      left_empty: ['defaults', 0],
      accounts: ['defaults', 0],
    });
  });

  it('has a version that follows the effective values alone', () => {
    const version = (text: string) => policy(text).version;
    expect(version('# only a comment\n')).toBe(policyOf(undefined, PRESETS).version);
    expect(version('gate: { limits: { per_job: { cpus: 32 } } }\n')).toBe(version(''));
    expect(version('gate: { limits: { per_job: { cpus: 31 } } }\n')).not.toBe(version(''));
  });

  it('is read anew at every call: a change of the file or of the preset counts at once', () => {
    const repo = repository('anew', 'policy_resolution: { default_preset: own }\n');
    const packaged = mkdtempSync(join(top, 'packaged-'));
    const preset = (cpus: number) =>
      writeFileSync(
        join(packaged, 'own.yaml'),
        `preset: { name: own, summary: x, recommended_mode: attended }\nexamples: [{ request: {}, expect: ask }]\ngate: { limits: { per_job: { cpus: ${cpus} } } }\n`,
      );
    const cpus = () => loadPolicy(repo, packaged).gate.limits.per_job.cpus?.deny;
    preset(1);
    const first = [cpus(), cpus()];
    preset(2);
    const second = cpus();
    writeFileSync(join(repo, FILE), 'gate: { limits: { per_job: { cpus: 3 } } }\n');
    expect([first, second, cpus()]).toEqual([[1, 1], 2, 3]);
    writeFileSync(join(repo, FILE), 'gate: [');
    expect(loadPolicy(repo, packaged).problems).not.toEqual([]);
  });

  it('keeps Autolab’s own keys, known and open', () => {
    const loaded = policy(
      'oracle_triggers: { "on": x }\nagent_runner: { enabled: false }\nlaunch: { future_key: 1 }\npolicy_overlays: { risk: { "": {} } }\n',
    );
    expect(loaded.autolab).toMatchObject({
      agent_runner: { enabled: false },
      launch: { future_key: 1 },
      policy_overlays: { risk: { '': {} } },
    });
  });

  it('reads aliases and merge keys as PyYAML does', () => {
    const loaded = policy(
      'plan_execution: &id001\n  max_retries: 5\nretry_policy_by_stage:\n  launch: *id001\n  design:\n    <<: *id001\n    max_retries: 2\n',
    );
    expect(loaded.autolab.retry_policy_by_stage).toEqual({ launch: { max_retries: 5 }, design: { max_retries: 2 } });
  });
});

describe('a policy that cannot be used', () => {
  it.each<[string, string, number, number, string, string]>([
    ['an unknown key', 'lanch: {}\n', 1, 1, 'lanch is no key of a policy', 'write launch, or take the key out'],
    [
      'an unknown gate key',
      '\ngate:\n  limit: {}\n',
      3,
      3,
      'gate.limit is no key of a policy',
      'write limits, or take the key out',
    ],
    [
      'an unknown limit',
      'gate: { limits: { per_job: { gpu: 4 } } }\n',
      1,
      30,
      'gate.limits.per_job.gpu is no key of a policy',
      'write gpus, or take the key out',
    ],
    [
      'an unknown half of a limit',
      'gate: { limits: { per_job: { gpus: { aks: 4 } } } }\n',
      1,
      38,
      'gate.limits.per_job.gpus.aks is no key of a policy',
      'write ask, or take the key out',
    ],
    [
      'a key of a later version',
      'gate:\n  seal: {}\n',
      2,
      3,
      'gate.seal is no key of a policy: what the repository says cannot seal it',
      'take gate.seal out; a person seals with `autolab-mcp policy seal`',
    ],
    [
      'ceilings of its own',
      'gate: { ceilings: {} }\n',
      1,
      9,
      'gate.ceilings is not supported by this version',
      'take gate.ceilings out; nothing would enforce it',
    ],
    [
      'signers of its own',
      'gate: { signers: [me] }\n',
      1,
      9,
      'gate.signers is no key of a repository’s policy: who may write it could name themselves',
      'take gate.signers out; it stands in a ceiling (/etc/autolab/policy.yaml or ~/.config/autolab/policy.yaml)',
    ],
    [
      'a verdict on reading',
      'gate: { acts: { read: deny } }\n',
      1,
      17,
      'gate.acts.read: reading is always allowed',
      'take the key out',
    ],
    [
      'a plain number of seconds',
      'gate: { limits: { per_job: { walltime: 43200 } } }\n',
      1,
      40,
      'gate.limits.per_job.walltime: a plain number; if seconds are meant, write "12:00:00", not 43200',
      'correct the value of gate.limits.per_job.walltime',
    ],
    [
      'a plain amount of memory',
      'gate: { limits: { per_job: { memory: 256 } } }\n',
      1,
      38,
      'gate.limits.per_job.memory: a plain number; write its unit: "256GB" or "256MB", not 256',
      'correct the value of gate.limits.per_job.memory',
    ],
    [
      'a number with a leading zero',
      'gate: { limits: { jobs: { active: 010 } } }\n',
      1,
      35,
      'gate.limits.jobs.active: expected a whole number, not "010"',
      'correct the value of gate.limits.jobs.active',
    ],
    [
      'a negative limit',
      'gate: { limits: { jobs: { active: -1 } } }\n',
      1,
      35,
      'gate.limits.jobs.active: expected 0 or more, not -1',
      'correct the value of gate.limits.jobs.active',
    ],
    [
      'a limit left empty',
      'gate:\n  limits:\n    per_job:\n      gpus:\n',
      4,
      12,
      'gate.limits.per_job.gpus: nothing stands here',
      'give gate.limits.per_job.gpus a value, or take the key out',
    ],
    ['an empty gate', 'gate:\n', 1, 6, 'gate: nothing stands here', 'give gate a value, or take the key out'],
    [
      'a command as text',
      'gate: { allow: { commands: ["npm test"] } }\n',
      1,
      29,
      'gate.allow.commands.0: expected the words of a command as a list: [uv, run, dense], not "npm test"',
      'correct the value of gate.allow.commands.0',
    ],
    [
      'a command that would match all',
      'gate: { allow: { commands: [[]] } }\n',
      1,
      29,
      'gate.allow.commands.0: a command has at least one word',
      'correct the value of gate.allow.commands.0',
    ],
    [
      'an unclear switch of Autolab',
      'launch:\n  execute: maybe\n',
      2,
      12,
      'launch.execute: expected true or false, not "maybe"',
      'correct the value of launch.execute',
    ],
    [
      'a key twice',
      'gate: {}\npython_bin: a\ngate: {}\n',
      3,
      1,
      'the key gate stands here for the second time; readers differ on which one counts',
      `mend the line in ${FILE}`,
    ],
    [
      'a key that is no text to Autolab',
      'launch: { on: 1 }\n',
      1,
      11,
      'Autolab reads the key on as true',
      'write it in quotes: "on"',
    ],
    [
      'a type tag',
      'launch: !!python/object:os.system {}\n',
      1,
      35,
      'a type tag (tag:yaml.org,2002:python/object:os.system)',
      `mend the line in ${FILE}`,
    ],
    ['a list', '- gate\n', 1, 1, 'a policy file is a map of keys, and this is not one', `mend the line in ${FILE}`],
    [
      'aliases that repeat each other',
      'a: &a [*a]\n',
      1,
      8,
      'the file is too large or too deep; aliases may be repeating each other',
      'write the values out, without aliases',
    ],
    [
      'a second document',
      'launch: {}\n---\ngate: {}\n',
      2,
      1,
      'a second document (---) begins here; a policy file has one',
      `mend the line in ${FILE}`,
    ],
    [
      'a preset there is none of',
      'policy_resolution:\n  default_preset: slrum\n',
      2,
      19,
      'policy_resolution.default_preset: there is no preset "slrum"',
      'write slurm',
    ],
    [
      'a preset that is a path',
      'policy_resolution: { default_preset: ../slurm }\n',
      1,
      38,
      'policy_resolution.default_preset: there is no preset "../slurm"',
      'write one of ci_strict, experiment_search, gridengine, integration_change, local_dev, slurm',
    ],
  ])('says where and how to mend %s', (_name, text, line, column, message, remedy) => {
    expect(policyOf(text, PRESETS).problems).toEqual([{ file: FILE, line, column, message, remedy }]);
  });

  it('names every problem of a file, in its order', () => {
    const { problems } = policyOf('gate:\n  acts: { submit: maybe }\n  approve: never\nlanch: 1\n', PRESETS);
    expect(problems.map(({ line, message }) => [line, message])).toEqual([
      [2, 'gate.acts.submit: expected allow, ask or deny, not "maybe"'],
      [3, 'gate.approve: expected elicitation, page, terminal or signed, not "never"'],
      [4, 'lanch is no key of a policy'],
    ]);
  });

  it('denies all but reading, with the problems as reasons', () => {
    const broken = loadPolicy(repository('broken', 'gate: [\n'), PRESETS);
    const decision = decide(broken, submission({ acts: ['submit', 'read'] }), 'look');
    expect(decision.verdict).toBe('deny');
    expect(decision.reasons.filter((one) => one.verdict === 'deny')).toEqual(
      broken.problems.map((problem) => ({
        rule: 'policy',
        verdict: 'deny',
        because: `the policy cannot be used: ${problem.message}`,
        remedy: 'no change of the request passes this rule',
        policy_change: `a person must mend ${FILE}:${problem.line}:${problem.column}: ${problem.remedy}`,
        origin: { layer: 'project', file: FILE, line: problem.line },
      })),
    );
    expect(decide(broken, submission({ acts: ['write'] }), 'look').verdict).toBe('deny');
    expect(decide(broken, submission({ acts: ['read'] }), 'look').verdict).toBe('allow');
  });

  it('is one that cannot be read at all', () => {
    const repo = repository('folder');
    mkdirSync(join(repo, FILE));
    expect(loadPolicy(repo, PRESETS).problems).toMatchObject([{ file: FILE, line: 0, column: 0 }]);
  });

  it('is one whose preset is broken', () => {
    const packaged = join(top, 'presets');
    mkdirSync(packaged);
    writeFileSync(
      join(packaged, 'odd.yaml'),
      'preset: { name: other, summary: x, recommended_mode: attended }\nexamples: [{ request: {}, expect: ask }]\ngate: { act: 1 }\n',
    );
    const { problems, preset } = policyOf('policy_resolution: { default_preset: odd }\n', packaged);
    expect({ preset, problems }).toEqual({
      preset: null,
      problems: [
        {
          file: 'presets/odd.yaml',
          line: 1,
          column: 1,
          message: 'preset.name: the preset calls itself "other"',
          remedy: 'write name: odd',
        },
        {
          file: 'presets/odd.yaml',
          line: 3,
          column: 9,
          message: 'gate.act is no key of a policy',
          remedy: 'write acts, or take the key out',
        },
      ],
    });
  });
});

it('of very many mistakes the first are told, in the order of the file', () => {
  const rules = Array.from({ length: 1000 }, (_, at) => `    wrong_${at}: 1\n`).join('');
  const { problems } = policyOf(`gate:\n  limits:\n${rules}`, PRESETS);
  expect(problems.map(({ line }) => line)).toEqual(Array.from({ length: 50 }, (_, at) => at + 3));
});
