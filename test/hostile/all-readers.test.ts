import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { ROOT } from '../support/repo.ts';
import { READERS } from './readers.ts';

/** By its name alone. What reads otherwise named stands in the lists because somebody thought of it. */
const READS = /^export (?:async )?function ((?:read|parse)(?:[A-Z]\w*)?|clean|redact|quote|cap|boundary|nearest)\(/gm;

/** Readers that read nothing themselves: they open a file, or ask, and give the text to one that is in the list. */
const THROUGH: Readonly<Record<string, string>> = {
  'base/disk.ts#readBytes': 'any bytes',
  'base/disk.ts#readEnd': 'any bytes',
  'base/disk.ts#readPart': 'any bytes',
  'base/disk.ts#readSince': 'any bytes',
  'base/files.ts#readText': 'any text',
  'policies/approval-files.ts#read': 'policies/approval-record.ts#checked',
  'policies/ceilings.ts#readCeilings': 'policies/ceilings.ts#ceilingsOf',
  'policies/preset-file.ts#readPresetFile': 'policies/yaml.ts#readPolicyText',
  'policies/seal-names.ts#readSealedNames': 'base/files.ts#readJson',
  'policies/presets.ts#readPreset': 'policies/yaml.ts#readPolicyText',
  'runs/artifacts/csv.ts#readCsv': 'test/runs/artifacts/files.test.ts',
  'runs/artifacts/npy.ts#readArray': 'runs/artifacts/npy-header.ts#readHeader',
  'runs/artifacts/npz.ts#readNpz': 'test/runs/artifacts/hostile.test.ts',
  'runs/launch/capsule.ts#readCapsule': 'git',
  'runs/launch/capsule.ts#readDiff': 'git',
  'runs/code/inputs.ts#readInputs': 'hashes',
  'runs/autolab/design.ts#readDesign': 'runs/autolab/design.ts#parseDesign',
  'runs/launch/launch-file.ts#readLaunchFile': 'runs/launch/launch-file.ts#parseLaunchFile',
  'runs/autolab/manifest.ts#readManifest': 'runs/autolab/manifest.ts#parseManifest',
  'runs/results/metrics.ts#readMetrics': 'runs/results/metrics.ts#parseMetrics',
  'runs/autolab/remote-profiles.ts#readRemoteProfiles': 'runs/autolab/remote-profiles.ts#parseRemoteProfiles',
  'runs/resume/accepted.ts#readAccepted': 'base/files.ts#readJson',
  'runs/resume/workspace.ts#readWorkspace': 'names of files',
  'runs/notices/config.ts#readNotices': 'runs/notices/config.ts#parseNotices',
  'runs/autolab/review.ts#readReview': 'runs/autolab/review.ts#parseReview',
  'runs/run.ts#readRun': 'runs/journal.ts#readJournal',
  'runs/staging/staged.ts#readStaged': 'base/files.ts#readJson',
  'runs/autolab/state.ts#readState': 'runs/autolab/state.ts#parseState',
  'runs/submission/submission.ts#readBack': 'sites/schedulers/slurm-requested.ts#requestedOf',
  'runs/autolab/workflow.ts#readWorkflow': 'runs/autolab/workflow.ts#parseWorkflow',
  'sites/schedulers/slurm-look.ts#readFound': 'sites/schedulers/slurm-rows.ts#queueRows',
  'sites/schedulers/slurm-look.ts#readLook': 'sites/schedulers/slurm-rows.ts#queueRows',
  'sites/schedulers/slurm-look.ts#readQueue': 'sites/schedulers/slurm-rows.ts#queueRows',
  'server/http/body.ts#readBody': 'test/server/http/guards.test.ts',
  'tools/check-facts.ts#readCheckFacts': 'files that are in the list',
  'tools/check-run-facts.ts#readRunFacts': 'files that are in the list',
  'tools/requests.ts#parse': 'test/loop/bad-input.test.ts',
  'tools/setup-facts.ts#readSetup': 'files that are in the list',
};

function readersIn(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .flatMap((name) => [...readFileSync(join(folder, name), 'utf8').matchAll(READS)].map(([, called]) => `${name}#${called}`));
}

test('every reader of outside text is among those that are given hostile text, or says which one it reads through', () => {
  const listed = new Set(READERS.flatMap(({ names }) => names));
  expect(readersIn(join(ROOT, 'src')).filter((name) => !listed.has(name) && !(name in THROUGH))).toEqual([]);
  expect(readersIn(join(ROOT, 'src')).length).toBeGreaterThan(50);
});

test('the list names what is there', () => {
  const named = [...READERS.flatMap(({ names }) => names), ...Object.keys(THROUGH)];
  const gone = named.filter((name) => {
    const [file = '', called = ''] = name.split('#');
    return !new RegExp(`\\b${called}\\b`).test(readFileSync(join(ROOT, 'src', file), 'utf8'));
  });
  expect(gone).toEqual([]);
});
