import { mkdirSync, mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Wishes } from '../../src/tools/init-plan.ts';
import { planInit } from '../../src/tools/init-plan.ts';
import type { Surroundings } from '../../src/tools/surroundings.ts';
import { failureOf } from '../runs/failing.ts';
import { ROOT } from '../support/repo.ts';

const AROUND: Surroundings = {
  preset: 'local_dev',
  proposal: 'local',
  sites: [
    { name: 'lab', scheduler: null, host: 'lab', what: '' },
    { name: 'local', scheduler: 'local', host: null, what: '' },
  ],
  hosts: [],
  found: [],
};

let top: string;
beforeEach(() => {
  top = realpathSync(mkdtempSync(join(tmpdir(), 'planned-')));
});
afterEach(() => rmSync(top, { recursive: true }));
const plan = (wishes: Wishes) => planInit(wishes, { start: top, repo: top, presets: join(ROOT, 'presets') }, AROUND);
const write = (name: string, text: string) => {
  mkdirSync(join(top, '.autolab'), { recursive: true });
  writeFileSync(join(top, '.autolab', name), text);
};

test.each<[Wishes, string]>([
  [{ site: 'lab' }, '--scheduler slurm` or `--scheduler gridengine`; and `--root /FOLDER/THERE'],
  [{ site: 'lab', root: 'shared' }, '--scheduler slurm'],
  [{ site: 'labb' }, 'did you mean lab?'],
  [{ site: 'local', root: '/p' }, 'leave --scheduler and --root out'],
  [{ root: '/p' }, 'name it with --site'],
  [{ preset: 'slrm' }, 'did you mean slurm?'],
])('%j is wrong usage with the way out', (wishes, next) => {
  expect(failureOf(() => plan(wishes))).toMatchObject({ code: 'usage', next: expect.stringContaining(next) });
  expect(readdirSync(top)).toEqual([]);
});

test('what stands in sites.yaml already is all that can be asked for', () => {
  const text = 'schema_version: "1"\nsites: { lab: { scheduler: slurm, root: /p, transport: { ssh: { host: me@lab } } } }\n';
  write('sites.yaml', text);
  for (const more of [{}, { root: '/p' }, { scheduler: 'slurm' as const }])
    expect(plan({ site: 'lab', ...more }).kept).toContain('.autolab/sites.yaml');
  for (const wrong of [{ site: 'local' }, { site: 'lab', root: 'shared' }, { site: 'lab', scheduler: 'gridengine' as const }])
    expect(failureOf(() => plan(wrong))).toMatchObject({ code: 'usage', what: expect.stringContaining('sites.yaml is there') });
  expect(readFileSync(join(top, '.autolab', 'sites.yaml'), 'utf8')).toBe(text);
});

test('a preset is laid under a policy that names none; one that is named stays', () => {
  write('verifier_policy.yaml', '# mine\ngate: { approve: terminal } # and mine\n');
  expect(plan({}).policy).toEqual({ preset: null, is: 'own' });
  expect(plan({ preset: 'slurm' }).apply?.applied.text).toMatch(/^# mine\ngate: \{ approve: terminal \} # and mine\n/);
  write('verifier_policy.yaml', 'policy_resolution: { default_preset: slurm }\n');
  expect(plan({ preset: 'slurm' }).apply).toBeUndefined();
  expect(failureOf(() => plan({ preset: 'local_dev' }))).toMatchObject({
    code: 'usage',
    next: expect.stringContaining('policy apply preset local_dev'),
  });
});

test('a remote profile says where runs go as well', () => {
  write('remote_profiles.yaml', 'schema_version: "1.0"\n');
  expect(plan({}).sites).toBe('.autolab/remote_profiles.yaml');
});
