import { expect, test } from 'vitest';
import { known } from '../../src/base/fact.ts';
import type { Decision, Reason } from '../../src/policies/types.ts';
import { entry } from '../../src/tools/audit-lines.ts';
import { toolNamed } from '../../src/tools/requests.ts';

const caller = { surface: 'server' as const, client: 'c/1', uid: 1, host: 'h' };
const facts = { acts: ['submit' as const], subject: {}, summary: 's', site: known('far') };
const reason = (rule: string, verdict: Reason['verdict'], more: Partial<Reason> = {}): Reason => ({
  ...{ rule, verdict, because: 'b', remedy: 'r', origin: { layer: 'preset' as const, file: 'presets/x.yaml', line: 3 } },
  ...more,
});
const told = (verdict: Decision['verdict'], reasons: Reason[]) =>
  entry(toolNamed('submit_run', caller), caller, { verdict, reasons, policy_version: 'v' }, facts, {});

test('a decision that allows holds the names of its rules, and no more', () => {
  const line = told('allow', [reason('a', 'allow'), reason('b', 'allow')]);
  expect(line).toMatchObject({ verdict: 'allow', rules: ['a presets/x.yaml:3', 'b presets/x.yaml:3'], policy: 'v', site: 'far' });
  expect(line).not.toHaveProperty('reasons');
});

test('one that does not holds every rule against it, cut short, and the names of the others', () => {
  const long = reason('long', 'ask', { because: 'x'.repeat(5000), limit: 'l'.repeat(500), actual: '9', quoted: 'q'.repeat(500) });
  const line = told('deny', [reason('no', 'deny'), long, reason('yes', 'allow')]);
  expect(line).toMatchObject({ rules: ['no presets/x.yaml:3'], allowed: ['yes'] });
  expect(line.reasons).toEqual([
    { rule: 'no', verdict: 'deny', layer: 'preset', at: 'presets/x.yaml:3', because: 'b' },
    {
      ...{ rule: 'long', verdict: 'ask', layer: 'preset', at: 'presets/x.yaml:3', actual: '9' },
      limit: expect.stringMatching(/^l{120}… /),
      because: expect.stringMatching(/^x{300}… /),
      quoted: expect.stringMatching(/^q{300}… /),
    },
  ]);
  const many = told(
    'deny',
    Array.from({ length: 25 }, (_, at) => reason(`r${at}`, 'deny')),
  );
  expect([many.reasons?.length, many.omitted]).toEqual([20, 5]);
});
