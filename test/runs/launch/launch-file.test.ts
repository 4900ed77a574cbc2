import { expect, test } from 'vitest';
import { parseLaunchFile, readLaunchFile } from '../../../src/runs/launch/launch-file.ts';
import { failureOf } from '../failing.ts';

const DEFAULTS = {
  site: null,
  resources: {
    cpus: null,
    tasks: null,
    nodes: null,
    gpus: null,
    gpuType: null,
    memoryMb: null,
    walltimeSeconds: null,
    account: null,
    partition: null,
    qos: null,
    exclusive: null,
    requeues: null,
  },
  array: null,
  legs: 1,
  canary: false,
  after: [],
  steps: null,
  preflight: [],
  environment: { modules: [], setup: [], pass: [], set: {} },
  code: null,
  inputs: [],
  logs: [],
  resume: null,
  artifacts: { pull: [], expect: [] },
};

test('no launch file, and one that says nothing, mean all defaults', () => {
  expect(readLaunchFile('/nowhere/launch.yaml')).toEqual(DEFAULTS);
  expect(parseLaunchFile('schema_version: "1"\n', 'launch.yaml')).toEqual(DEFAULTS);
});

test('a full launch file becomes one object in normal units', () => {
  const text = `schema_version: "1"
site: cluster
resources: { cpus: 4, tasks: 2, nodes: 1, gpus: 2, gpu_type: a100, memory: 16G, walltime: 1-12:00:00, account: lab, partition: gpu, qos: normal }
array: { indices: "0-3,8,10-14:2", parallel: 4 }
preflight: [ ["uv", "run", "dense", "validate-config"], [true-check] ]
environment: { modules: [python/3.12], setup: ["source .venv/bin/activate"], pass: [PATH, HOME], set: { OMP_NUM_THREADS: "4", SORT_KEY: name } }
code: live
inputs: ["configs/*.yaml"]
logs: ["job_logs/**"]
resume: { workspace: outputs, config: config.yaml, may_grow: ["generation.plan[].sequences", "steps"], lock: outputs/meta/run.lock }
artifacts:
  pull: ["data/**", "logs/**"]
  expect:
    - { json: metrics.json, required: [accuracy] }
    - { file: model.bin }
    - { marker: READY }
`;
  expect(parseLaunchFile(text, 'launch.yaml')).toEqual({
    site: 'cluster',
    resources: {
      cpus: 4,
      tasks: 2,
      nodes: 1,
      gpus: 2,
      gpuType: 'a100',
      memoryMb: 16384,
      walltimeSeconds: 129600,
      account: 'lab',
      partition: 'gpu',
      qos: 'normal',
      exclusive: null,
      requeues: null,
    },
    array: { indices: [0, 1, 2, 3, 8, 10, 12, 14], parallel: 4 },
    legs: 1,
    canary: false,
    after: [],
    steps: null,
    preflight: [['uv', 'run', 'dense', 'validate-config'], ['true-check']],
    environment: {
      modules: ['python/3.12'],
      setup: ['source .venv/bin/activate'],
      pass: ['PATH', 'HOME'],
      set: { OMP_NUM_THREADS: '4', SORT_KEY: 'name' },
    },
    code: 'live',
    inputs: ['configs/*.yaml'],
    logs: ['job_logs/**'],
    resume: {
      workspace: 'outputs',
      config: 'config.yaml',
      may_grow: ['generation.plan.*.sequences', 'steps'],
      lock: 'outputs/meta/run.lock',
      fresh: null,
    },
    artifacts: {
      pull: ['data/**', 'logs/**'],
      expect: [
        { kind: 'json', path: 'metrics.json', required: ['accuracy'] },
        { kind: 'file', path: 'model.bin' },
        { kind: 'marker', path: 'READY' },
      ],
    },
  });
});

const EVENTS =
  'expected the event log of a dataset, whose file is named .events.log (such as outputs/usr_datasets/NAME/.events.log); outputs/meta/events.jsonl is the generator’s own diagnostics, and is not read';
const EVENTS_INSIDE = 'expected a path inside the iteration or the workspace: without .. and without backslashes';

test.each([
  [
    'resources: { options: { constraint: a100 } }',
    '2:14: options',
    'name what it is for in resources (partition, qos, gpu_type)',
  ],
])('%s is not supported and says so', (line, what, next) => {
  expect(failureOf(() => parseLaunchFile(`schema_version: "1"\n${line}\n`, 'l.yaml'))).toEqual({
    code: 'unsupported',
    what: `l.yaml:${what} is not carried out by this version`,
    next,
    retry: false,
  });
});

const CREDENTIAL = 'this looks like a credential; let the script read it from a file that only you can read (chmod 600)';
const DECIDES = 'this variable decides what runs or how the job is scheduled, so it';
const SET = `${DECIDES} cannot be set here; a command of the script can set what it needs itself`;
const INSIDE = 'expected a path inside the folder: relative, without .. and without backslashes';

test.each([
  ['resources: { cpu: 4 }', '2:14: unknown key "cpu" in resources', 'write cpus instead of cpu (l.yaml:2:14)'],
  ['resources: { cpus: 0 }', '2:20: resources.cpus is 0; expected at least 1', 'change resources.cpus (l.yaml:2:20)'],
  ['resources: { memory: 16 }', '2:22: resources.memory is 16; expected text', 'write "16" in quotes (l.yaml:2:22)'],
  [
    'resources: { memory: "16" }',
    '2:22: resources.memory is "16"; expected an amount with its unit, such as "16GB"',
    'change resources.memory (l.yaml:2:22)',
  ],
  [
    'resources: { walltime: "0:00:00" }',
    '2:24: resources.walltime is "0:00:00"; a limit of zero is no limit to the scheduler; say how long it may take',
    'change resources.walltime (l.yaml:2:24)',
  ],
  ['resources: { walltime: 43200 }', '2:24: resources.walltime is 43200; expected text', 'write "43200" in quotes (l.yaml:2:24)'],
  [
    'resources: { account: "a b" }',
    '2:23: resources.account is "a b"; expected a name of letters, digits, dot, dash, plus and underscore',
    'change resources.account (l.yaml:2:23)',
  ],
  [
    'array: { indices: "0-9%2" }',
    '2:19: array.indices is "0-9%2"; write the limit as parallel, not behind %',
    'change array.indices (l.yaml:2:19)',
  ],
  ['array: { indices: 9-0 }', '2:19: array.indices is "9-0"; expected 9-0 to rise', 'change array.indices (l.yaml:2:19)'],
  [
    'array: { indices: 0-3999999 }',
    '2:19: array.indices is "0-3999999"; expected at most 100000 tasks',
    'change array.indices (l.yaml:2:19)',
  ],
  ['preflight: [[]]', '2:13: preflight[0] is a list; it may not be empty', 'change preflight[0] (l.yaml:2:13)'],
  ['preflight: ["uv run"]', '2:13: preflight[0] is "uv run"; expected a list', 'change preflight[0] (l.yaml:2:13)'],
  [
    'environment: { set: { OMP_NUM_THREADS: 4 } }',
    '2:40: environment.set.OMP_NUM_THREADS is 4; expected text',
    'write "4" in quotes (l.yaml:2:40)',
  ],
  [
    'environment: { set: { A: "x\\ny" } }',
    '2:26: environment.set.A is "x\\ny"; expected one line of text',
    'change environment.set.A (l.yaml:2:26)',
  ],
  [
    'environment: { set: { SLURM_ARRAY: "1" } }',
    `2:23: environment.set.SLURM_ARRAY: ${SET}`,
    'rename or remove "SLURM_ARRAY" (l.yaml:2:23)',
  ],
  [
    'environment: { set: { KEY: ghp_0123456789abcdefABCDEF } }',
    `2:28: environment.set.KEY is "[token]"; ${CREDENTIAL}`,
    'change environment.set.KEY (l.yaml:2:28)',
  ],
  [
    'environment: { pass: [HF_TOKEN] }',
    `2:23: environment.pass[0] is "HF_TOKEN"; ${CREDENTIAL}`,
    'change environment.pass[0] (l.yaml:2:23)',
  ],
  [
    'environment: { pass: [SBATCH_ARRAY_INX] }',
    `2:23: environment.pass[0] is "SBATCH_ARRAY_INX"; ${DECIDES} is not passed on`,
    'change environment.pass[0] (l.yaml:2:23)',
  ],
  [
    'environment: { modules: ["a; rm -rf /"] }',
    '2:26: environment.modules[0] is "a; rm -rf /"; expected a module name such as python/3.12',
    'change environment.modules[0] (l.yaml:2:26)',
  ],
  ['logs: ["../**"]', `2:8: logs[0] is "../**"; ${INSIDE}`, 'change logs[0] (l.yaml:2:8)'],
  [
    'artifacts: { pull: [/etc/passwd] }',
    `2:21: artifacts.pull[0] is "/etc/passwd"; ${INSIDE}`,
    'change artifacts.pull[0] (l.yaml:2:21)',
  ],
  [
    'artifacts: { pull: ["--rsh=sh"] }',
    `2:21: artifacts.pull[0] is "--rsh=sh"; ${INSIDE}`,
    'change artifacts.pull[0] (l.yaml:2:21)',
  ],
  [
    'artifacts: { expect: [{ file: a, json: b }] }',
    '2:23: artifacts.expect[0] is a map; expected exactly one of each, npz, csv, json, hashes, files, file, marker and command',
    'change artifacts.expect[0] (l.yaml:2:23)',
  ],
  [
    'artifacts: { expect: [{ file: a, required: [x] }] }',
    '2:23: artifacts.expect[0] is a map; required goes with json',
    'change artifacts.expect[0] (l.yaml:2:23)',
  ],
  [
    'resume: { workspace: ../other, config: c.yaml }',
    '2:22: resume.workspace is "../other"; expected a folder: without .. and without backslashes',
    'change resume.workspace (l.yaml:2:22)',
  ],
  [
    'resume: { workspace: /scratch/w, config: c.yaml, may_grow: ["a..b"] }',
    '2:61: resume.may_grow[0] is "a..b"; expected a key path such as generation.plan[].sequences; [] or * stands for every item of a list',
    'change resume.may_grow[0] (l.yaml:2:61)',
  ],
  [
    'steps: [{ name: a, script: a.sh }, { name: b, script: b.sh }]\nartifacts: { expect: [{ file: x, step: b, until: a }] }',
    '3:23: artifacts.expect[0] is a map; until goes with step, and names one below it; there is no step a below b',
    'change artifacts.expect[0] (l.yaml:3:23)',
  ],
  [
    'artifacts: { expect: [{ file: x, until: a }] }',
    '2:23: artifacts.expect[0] is a map; until goes with step, and names one below it; there is no step a below none',
    'change artifacts.expect[0] (l.yaml:2:23)',
  ],
  ['events: outputs/meta/events.jsonl', `2:9: events is "outputs/meta/events.jsonl"; ${EVENTS}`, 'change events (l.yaml:2:9)'],
  ['events: ../x/.events.log', `2:9: events is "../x/.events.log"; ${EVENTS_INSIDE}`, 'change events (l.yaml:2:9)'],
  ['events: ~/.events.log', `2:9: events is "~/.events.log"; ${EVENTS_INSIDE}`, 'change events (l.yaml:2:9)'],
  [
    'events: "runs/{run}/.events.log"',
    '2:9: events is "runs/{run}/.events.log"; nothing is known to stand for {run}; {run_id} is the id of the run',
    'change events (l.yaml:2:9)',
  ],
  [
    'events: /scratch/x/.events.log\nresume: { workspace: /scratch/w, config: c.yaml }',
    '2:9: events is "/scratch/x/.events.log"; an absolute path is in the workspace (resume.workspace), which is absolute, too; any other is from the iteration’s folder on',
    'change events (l.yaml:2:9)',
  ],
  ['code: frozen', '2:7: code is "frozen"; expected one of "snapshot", "live"', 'change code (l.yaml:2:7)'],
])('%s is refused', (line, what, next) => {
  expect(failureOf(() => parseLaunchFile(`schema_version: "1"\n${line}\n`, 'l.yaml'))).toEqual({
    code: 'file_invalid',
    what: `l.yaml:${what}`,
    why: 'launch.yaml says what design.yaml cannot; its schema is closed',
    next,
    retry: false,
  });
});

test.each([
  ...[
    'SBATCH_A',
    'SLURM_CONF',
    'SGE_ROOT',
    'LD_PRELOAD',
    'AUTOLAB_RUN_ID',
    'BASH_FUNC_x',
    'BASH_ENV',
    'ENV',
    'PATH',
    'HOME',
    'IFS',
    'RUN_ID',
  ],
  ...['PYTHONSTARTUP', 'PERL5OPT', 'NODE_OPTIONS', '2X', 'A-B'],
])('%s cannot be set', (name) => {
  expect(failureOf(() => parseLaunchFile(`schema_version: "1"\nenvironment: { set: { "${name}": "1" } }\n`, 'l.yaml')).code).toBe(
    'file_invalid',
  );
});

test('an event log is of the iteration, or of a workspace that is elsewhere', () => {
  const events = (text: string) => parseLaunchFile(`schema_version: "1"\n${text}\n`, 'l.yaml').events;
  expect(events('events: .events.log')).toBe('.events.log');
  expect(events('events: "runs/{run_id}/usr/.events.log"')).toBe('runs/{run_id}/usr/.events.log');
  const elsewhere = 'resume: { workspace: /scratch/w/, config: c.yaml }';
  expect(events(`${elsewhere}\nevents: /scratch/w/usr/.events.log`)).toBe('/scratch/w/usr/.events.log');
});

test('the version is asked for, and a newer one is named', () => {
  expect(failureOf(() => parseLaunchFile('schema_version: 2\n', 'l.yaml'))).toEqual({
    code: 'file_newer',
    what: 'l.yaml:1:17: schema_version is "2"; this program knows "1"',
    next: 'use the version of autolab-mcp that wrote it, or write the file in version "1"',
    retry: false,
  });
  const unquoted = failureOf(() => parseLaunchFile('schema_version: 1\n', 'l.yaml'));
  expect([unquoted.what, unquoted.next]).toEqual([
    'l.yaml:1:17: schema_version is 1; expected "1"',
    'write "1" in quotes (l.yaml:1:17)',
  ]);
  expect(failureOf(() => parseLaunchFile('site: a\n', 'l.yaml')).what).toBe(
    'l.yaml:1:1: schema_version is missing; expected "1"',
  );
});

test('what a script may submit by itself', () => {
  const parse = (text: string) => parseLaunchFile(`schema_version: "1"\n${text}`, 'launch.yaml');
  expect(parse('submits: { jobs: 40, each: { cpus: 2, memory: 1GB, gpus: 1, walltime: "1:00:00", array_tasks: 32 } }\n')).toEqual(
    {
      ...DEFAULTS,
      submits: { jobs: 40, each: { cpus: 2, memoryMb: 1024, gpus: 1, walltimeSeconds: 3600, arrayTasks: 32 } },
    },
  );
  const steps = (text: string) => `steps:\n  - { name: a, script: a.sh, ${text} }\n`;
  expect(parse(steps('submits: { jobs: 1, each: { walltime: "0:10:00" } }')).steps?.[0]?.submits).toEqual({
    jobs: 1,
    each: { cpus: 1, memoryMb: null, gpus: 0, walltimeSeconds: 600, arrayTasks: 1 },
  });
});

const MASTER = 'submits: { jobs: 1, each: { walltime: "1:00:00" } }';
test('a step that submits may come after others, and last', () => {
  const steps = `steps: [{ name: a, script: a.sh, legs: 2 }, { name: b, script: b.sh, ${MASTER}, after: [a] }]`;
  expect(parseLaunchFile(`schema_version: "1"\n${steps}\n`, 'l.yaml').steps?.map(({ name }) => name)).toEqual([
    'a',
    'a-leg2',
    'b',
  ]);
});

test.each([
  ['submits: { jobs: 40, each: {} }', 'walltime'],
  ['submits: { jobs: 0, each: { walltime: "1:00:00" } }', 'jobs'],
  ['submits: { jobs: 1, each: { walltime: "0:00:00" } }', 'no limit'],
  ['submits: { jobs: 1, each: { walltime: "1:00:00", memory: 0 } }', 'memory'],
  ['submits: { jobs: 1, each: { walltime: "1:00:00", nodes: 2 } }', 'nodes'],
  ['submits: { jobs: 1, each: { walltime: "1:00:00" } }\nsteps: [{ name: a, script: a.sh }]', 'with steps each step says'],
  [`${MASTER}\ncanary: true\narray: { indices: "0-3" }`, 'each would submit anew'],
  [`${MASTER}\nlegs: 2`, 'each would submit anew'],
  [`steps: [{ name: a, script: a.sh, ${MASTER}, canary: true, array: { indices: "0-3" } }]`, 'each would submit anew'],
  [`steps: [{ name: a, script: a.sh, ${MASTER}, legs: 2 }]`, 'each would submit anew'],
  [
    `steps: [{ name: a, script: a.sh, ${MASTER} }, { name: b, script: a.sh, after: [{ step: a, on: interrupted }] }]`,
    'submit anew',
  ],
  [
    `steps: [{ name: a, script: a.sh }, { name: b, script: a.sh, ${MASTER}, after: [{ step: a, on: interrupted }] }]`,
    'submit anew',
  ],
  [
    `steps: [{ name: a, script: a.sh, ${MASTER} }, { name: b, script: b.sh, after: [a] }]`,
    'may still run when its own has ended',
  ],
  [
    `steps: [{ name: a, script: a.sh, ${MASTER} }, { name: b, script: b.sh, after: [{ step: a, on: any }] }]`,
    'let its script submit b',
  ],
])('%s is refused', (text, words) => {
  expect(failureOf(() => parseLaunchFile(`schema_version: "1"\n${text}\n`, 'launch.yaml'))).toMatchObject({
    code: 'file_invalid',
    what: expect.stringContaining(words),
  });
});
