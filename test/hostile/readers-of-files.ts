import { chmodSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Failure } from '../../src/base/errors.ts';
import { readJson } from '../../src/base/files.ts';
import { readAll } from '../../src/policies/approval-files.ts';
import { checked } from '../../src/policies/approval-record.ts';
import { ceilingsOf } from '../../src/policies/ceilings.ts';
import { editYaml } from '../../src/policies/edit.ts';
import { policyOf } from '../../src/policies/load.ts';
import { readPause } from '../../src/policies/pause.ts';
import { readSeal } from '../../src/policies/seal.ts';
import { parseDuration, parseMemory } from '../../src/policies/units.ts';
import { readPolicyText } from '../../src/policies/yaml.ts';
import { parseDesign } from '../../src/runs/autolab/design.ts';
import { readJsonText } from '../../src/runs/autolab/json.ts';
import { putRow, verifyRow } from '../../src/runs/autolab/ledger.ts';
import { parseManifest } from '../../src/runs/autolab/manifest.ts';
import { parseRemoteProfiles } from '../../src/runs/autolab/remote-profiles.ts';
import { parseReview } from '../../src/runs/autolab/review.ts';
import { parseState } from '../../src/runs/autolab/state.ts';
import { parseWorkflow, workflowText } from '../../src/runs/autolab/workflow.ts';
import { readYaml } from '../../src/runs/autolab/yaml.ts';
import { readGroup } from '../../src/runs/groups/group.ts';
import { readJournal } from '../../src/runs/journal.ts';
import { parseLaunchFile } from '../../src/runs/launch/launch-file.ts';
import { readHolds } from '../../src/runs/pause/holds.ts';
import { parseMetrics } from '../../src/runs/results/metrics.ts';
import { splitWords } from '../../src/runs/results/parser.ts';
import { readConfig } from '../../src/runs/resume/config.ts';
import { readTokens } from '../../src/server/http/tokens.ts';
import { siteDefinitions } from '../../src/sites/index.ts';
import { lines, told } from '../runs/samples.ts';
import { ROOT } from '../support/repo.ts';
import type { Reader } from './reader.ts';
import { FOLDER, fileWith } from './scratch-file.ts';

const shipped = (...path: string[]) => readFileSync(join(ROOT, ...path), 'utf8');
const PENGUINS = ['examples', 'penguins', 'repo'] as const;
const PI = ['examples', 'pi', 'repo'] as const;
const designs = [
  shipped(...PENGUINS, 'experiments', 'plan', 'penguins-softmax', 'design.yaml'),
  shipped(...PI, 'experiments', 'plan', 'pi-chain', 'design.yaml'),
];
const launches = [
  shipped(...PENGUINS, 'experiments', 'plan', 'penguins-softmax', 'launch', 'launch.yaml'),
  shipped(...PI, 'experiments', 'plan', 'pi-chain', 'launch', 'launch.yaml'),
];
const presets = ['local_dev', 'slurm'].map((name) => shipped('presets', `${name}.yaml`));
const POLICY = `policy_resolution: { default_preset: local_dev }
gate:
  acts: { submit: ask }
  limits: { per_job: { cpus: 4, memory: 8GB, walltime: { ask: "1:00:00", deny: "8:00:00" } } }
  allow: { commands: [[node, scripts/parse_results.mjs]] }
  rules:
    - { when: { partition: gpu, walltime: { over: 8h } }, verdict: ask, because: long, examples: [] }
`;
const REVIEW = `{"status":"pass","blocking_findings":[],"required_checks":{"tests":"pass","dry_run":"skip","schema":"pass","env_smoke":"pass","docs_target_update":"skip"},"reviewed_at":"2026-01-01T00:00:00Z"}`;
const METRICS = `{"schema_version":"1.0","iteration_id":"it1","run_id":"r1","status":"completed","primary_metric":{"name":"acc","value":0.5,"delta_vs_baseline":null},"variant_results":[{"a":1}]}`;
const MANIFEST = { run_id: 'r1', iteration_id: 'it1', status: 'running', job_id: '7', started_at: '2026-01-01T00:00:00Z' };
const PAUSE = '{"schema_version":"1","at":"2026-01-01T00:00:00Z","by":"a@b","note":null}';
const HOLDS = '{"schema_version":"1","holds":[{"run":"r1","site":"here","job":"7","name":"al_x","indices":[1,2],"since":1}]}';
const LEDGER =
  '# Jobs\n\n- 2026-01-01 | job_id=6 | iteration_id=it1 | run_id=r0 | status=completed\n- 2026-01-01 | job_id=7 | iteration_id=it1 | run_id=r1 | status=pending\n';
const PROFILES = `schema_version: "1"
default_profile: here
profiles:
  here: { mode: shared_fs, login_host: h, remote_repo_root: /lab, enabled_for_host_modes: [slurm] }
`;
const SITES = 'schema_version: "1"\nsites:\n  here: { scheduler: slurm, transport: local }\n';
const JSON_WORDS = ['"\\"', '{"a":', '[', '"a":1,', 'NaN', '1e', '"x', '\\u00'];
const YAML_WORDS = [
  'a: &a [x]\n',
  '- *a\n',
  'k',
  '"\\"',
  "'",
  "''",
  '|',
  '[',
  '{',
  '- ',
  '? ',
  ': ',
  '!x ',
  '&b ',
  '*a, ',
  '# ',
  'a: b\n',
  ' - a\n',
];
const bomb = `a: &a [x, x]\n${Array.from({ length: 30 }, (_, n) => `${String.fromCharCode(98 + (n % 20))}${n}: &n${n} [*${n === 0 ? 'a' : `n${n - 1}`}, *${n === 0 ? 'a' : `n${n - 1}`}]`).join('\n')}\n`;
const merges = `base: &base { a: 1 }\nmore: &more { <<: *base, b: 2 }\nlast: { <<: [*base, *more], c: 3 }\n`;

const yaml = (name: string, seeds: readonly string[], read: (text: string) => unknown): Reader => ({
  names: [name],
  seeds: [...seeds, bomb, merges],
  words: YAML_WORDS,
  read,
});
const json = (name: string, seeds: readonly string[], read: (text: string) => unknown): Reader => ({
  names: [name],
  seeds,
  words: JSON_WORDS,
  read,
});
/** The problems of a policy are no failure; they must be few enough to be told. */
const told100 = <T extends { problems: readonly unknown[] }>(read: T): T => {
  if (read.problems.length > 100) throw new Error(`${read.problems.length} problems`);
  return read;
};
const JOURNAL = lines(told())
  .map((line) => `${JSON.stringify(line)}\n`)
  .join('');
const APPROVAL = `{"schema_version":"1","id":"ap_0123456789ab","digest":"d","state":"pending"}`;
const packaged = join(ROOT, 'presets');

export const FILE_READERS: readonly Reader[] = [
  ...(['shared', 'own', 'foreign'] as const).map((dialect) =>
    yaml(`runs/autolab/yaml.ts#readYaml`, [...designs, ...launches], (text) => {
      const read = readYaml(text, 'file.yaml', dialect);
      return [read.at(['a', 0, 'b'], 'key'), read.source(['a'])];
    }),
  ),
  yaml('runs/autolab/design.ts#parseDesign', designs, (text) => parseDesign(text, 'design.yaml')),
  yaml(
    'runs/results/python-arguments.ts#pythonArguments',
    ['args'].map(
      () =>
        designs[0]?.replace(/^entrypoint:.*$/m, 'entrypoint: { module: m, args: { a: [1, 1.0, x], b: { c: 1e-7 }, d: true } }') ??
        '',
    ),
    (text) => parseDesign(text, 'design.yaml'),
  ),
  yaml('runs/launch/launch-file.ts#parseLaunchFile', launches, (text) => parseLaunchFile(text, 'launch.yaml')),
  yaml('runs/autolab/workflow.ts#parseWorkflow', [workflowText()], (text) => parseWorkflow(text, 'workflow.yaml')),
  yaml('runs/autolab/remote-profiles.ts#parseRemoteProfiles', [PROFILES], (text) =>
    parseRemoteProfiles(text, 'remote_profiles.yaml'),
  ),
  yaml('runs/resume/config.ts#readConfig', designs, (text) => readConfig(text, 'config.yaml')),
  yaml('sites/index.ts#siteDefinitions', [SITES], (text) => {
    fileWith('.autolab/sites.yaml', text);
    return siteDefinitions(FOLDER);
  }),
  yaml('policies/yaml.ts#readPolicyText', [POLICY, ...presets], (text) => told100(readPolicyText(text, 'policy.yaml'))),
  yaml('policies/load.ts#policyOf', [POLICY], (text) => told100(policyOf(text, packaged))),
  yaml('policies/ceilings.ts#ceilingsOf', [POLICY.replace(/^policy_res.*\n/, '')], (text) =>
    told100(ceilingsOf([{ layer: 'user', file: 'ceiling.yaml', text }])),
  ),
  yaml('policies/edit.ts#editYaml', [POLICY], (text) =>
    editYaml(text, { gate: { acts: { submit: 'deny' }, approve: 'terminal' } }, 'policy.yaml'),
  ),
  json('runs/autolab/json.ts#readJsonText', [METRICS, REVIEW], (text) =>
    readJsonText(text, 'x.json').at(['primary_metric', 'name'], 'key'),
  ),
  json('runs/autolab/review.ts#parseReview', [REVIEW], (text) => parseReview(text, 'review_result.json')),
  json('runs/results/metrics.ts#parseMetrics', [METRICS], (text) =>
    parseMetrics(text, 'metrics.json', { iterationId: 'it1', runId: 'r1', primaryMetric: 'acc' }),
  ),
  json('runs/autolab/manifest.ts#parseManifest', [JSON.stringify(MANIFEST)], (text) => parseManifest(text, 'run_manifest.json')),
  json('runs/autolab/state.ts#parseState', [shipped(...PENGUINS, '.autolab', 'state.json')], (text) =>
    parseState(text, 'state.json'),
  ),
  json('runs/groups/group.ts#readGroup', ['{"schema_version":"1","runs":["r1","r2"]}'], (text) => {
    fileWith('group/gate/group.json', text);
    return readGroup(join(FOLDER, 'group'));
  }),
  json('base/files.ts#readJson', [METRICS], (text) => readJson(fileWith('some.json', text))),
  json('policies/approval-record.ts#checked', [APPROVAL], (text) =>
    checked('ap_0123456789ab', readJson(fileWith('approval.json', text))),
  ),
  json('policies/approval-files.ts#readAll', [APPROVAL], (text) => {
    fileWith('approvals/ap_0123456789ab.json', text);
    return readAll(join(FOLDER, 'approvals'), new Date(0));
  }),
  json('policies/pause.ts#readPause', [PAUSE], (text) => {
    fileWith('paused/paused.json', text);
    return readPause(join(FOLDER, 'paused'));
  }),
  json('runs/pause/holds.ts#readHolds', [HOLDS], (text) => {
    fileWith('paused/pause-holds.json', text);
    return readHolds(join(FOLDER, 'paused'));
  }),
  json('policies/seal.ts#readSeal', ['{"schema_version":"1","sealed_at":"2026-01-01T00:00:00Z","files":{}}'], (text) =>
    readSeal(fileWith('seal.json', text)),
  ),
  {
    names: ['runs/journal.ts#readJournal'],
    seeds: [JOURNAL],
    words: ['{"v":1,"n":1,"at":"x"}\n', '{"v":1,', '{"v":2,"n":1,"at":""}\n'],
    read: (text) => {
      fileWith('run/gate/journal.jsonl', text);
      return readJournal(join(FOLDER, 'run'));
    },
  },
  {
    names: ['server/http/tokens.ts#readTokens'],
    seeds: [`${'a'.repeat(32)}\n${'b'.repeat(40)}==\n`],
    words: ['a', '\n', ' ', '=', '\u0000'],
    read: (text) => {
      const path = fileWith('tokens', text);
      chmodSync(path, 0o600);
      return readTokens(path).nameOf(text);
    },
  },
  {
    names: ['runs/autolab/ledger.ts#putRow', 'runs/autolab/ledger.ts#verifyRow'],
    seeds: [LEDGER],
    words: ['run_id=r1', '- x | run_id=r1 ', '| run_id=r1', 'run_id=r1\n', ' | '],
    read: (text) => [
      putRow(text, '- 2026-01-01 | job_id=7 | iteration_id=it1 | run_id=r1 | status=done'),
      verifyRow(text, MANIFEST),
    ],
  },
  {
    names: ['runs/results/parser.ts#splitWords'],
    seeds: [`python -m parse --run "{run_id}" 'a b' c\\ d`],
    words: ['"a', "'a", '\\'],
    read: (text) => splitWords(text, (why) => failure(why)),
  },
  { names: ['policies/units.ts#parseDuration'], seeds: ['1-12:00:00', '1d12h'], words: ['1d', '1h', '1:'], read: parseDuration },
  { names: ['policies/units.ts#parseMemory'], seeds: ['256GB'], words: ['1', '1.'], read: parseMemory },
];

function failure(why: string) {
  return new Failure('file_invalid', { what: why, next: 'mend it' });
}
