import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { decide } from '../../src/policies/decide.ts';
import { policyOf } from '../../src/policies/load.ts';
import { job, known, PRESETS, submission } from '../policies/helpers.ts';
import { ROOT } from '../support/repo.ts';

const section = /## Three policies\n([\s\S]*?)\n## /.exec(readFileSync(join(ROOT, 'docs', 'policy.md'), 'utf8'))?.[1] ?? '';
const blocks = [...section.matchAll(/```yaml\n([\s\S]*?)```/g)].map(([, text = '']) => text);
const ceilings = blocks
  .filter((text) => text.startsWith('# ceiling: '))
  .map((text) => ({ layer: 'administrator' as const, file: '/etc/autolab/policy.yaml', text }));
const own = blocks.filter((text) => !text.startsWith('# ceiling: '));

test('the policies that the page shows are policies, and decide as it says', () => {
  expect([own.length, ceilings.length]).toEqual([3, 1]);
  const [laptop, lab, campaign] = own.map((text) =>
    policyOf(text, PRESETS, ceilings.slice(0, text.includes('long_gpu') ? 1 : 0)),
  );
  if (!laptop || !lab || !campaign) throw new Error('three policies');
  for (const policy of [laptop, lab, campaign]) expect(policy.problems).toEqual([]);
  const gpu = (hours: number, gpus = 1) =>
    submission({
      site: known('local'),
      jobs: [job({ gpus: known(gpus), walltimeSeconds: known(hours * 3600), partition: known('gpu'), account: known('lab') })],
    });
  const verdicts = (policy: typeof lab, ...hours: number[]) => hours.map((one) => decide(policy, gpu(one), 'act').verdict);
  expect(verdicts(laptop, 1, 2, 5)).toEqual(['allow', 'ask', 'deny']);
  expect(verdicts(lab, 1, 8, 9)).toEqual(['ask', 'ask', 'deny']);
  expect(verdicts(campaign, 4, 5)).toEqual(['allow', 'deny']);
  const tooMany = decide(lab, gpu(1, 8), 'act').reasons.filter(
    ({ origin }) => origin.layer === 'administrator' && origin.line > 0,
  );
  expect(tooMany.find(({ verdict }) => verdict === 'deny')).toMatchObject({ rule: 'limits.per_job.gpus' });
});
