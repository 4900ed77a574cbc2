import { readFileSync } from 'node:fs';
import { afterEach, expect, test } from 'vitest';
import { presetNames } from '../../src/policies/preset-file.ts';
import { readPreset } from '../../src/policies/presets.ts';
import type { Changes } from '../checks/iteration.ts';
import { PRESETS } from '../policies/helpers.ts';
import { call, initialise, removeInitialised } from './calling.ts';

afterEach(removeInitialised);

const RULES = `gate:
  rules:
    - name: long_gpu
      when: { partition: gpu, walltime: { over: 8h } }
      verdict: ask
      because: long GPU jobs starve the queue
      examples:
        - { request: { partition: gpu, walltime: "9:00:00" }, expect: ask }
        - { request: { partition: gpu, walltime: "1:00:00" }, expect: allow }
    - when: { act: push }
      verdict: deny
      because: code goes there by git
      examples: [{ request: { acts: [push] }, expect: deny }, { request: {}, expect: allow }]
`;
const policy = (text: string): Changes => ({ '.autolab/verifier_policy.yaml': text });

async function tested(text: string): Promise<{ exit: number; text: string; data: Record<string, unknown> }> {
  const outcome = await call(initialise(policy(text)), 'test_policy');
  if (outcome.kind !== 'done') throw new Error(outcome.text);
  return outcome;
}

test('every rule’s examples, each with its place, on its rule alone', async () => {
  const { exit, text, data } = await tested(RULES);
  expect(text).toBe(
    [
      'ok   rules.long_gpu [.autolab/verifier_policy.yaml:8] { partition: gpu, walltime: "9:00:00" }: ask',
      'ok   rules.long_gpu [.autolab/verifier_policy.yaml:9] { partition: gpu, walltime: "1:00:00" }: allow',
      'ok   rules.2 [.autolab/verifier_policy.yaml:13] { acts: [push] }: deny',
      'ok   rules.2 [.autolab/verifier_policy.yaml:13] {}: allow',
      '4 examples: all hold.',
    ].join('\n'),
  );
  expect({ exit, ok: data.ok, preset: data.preset, problems: data.problems }).toEqual({
    exit: 0,
    ok: true,
    preset: null,
    problems: [],
  });
});

test('one that does not hold: exit 1, told with its place and why, and the rest is told too', async () => {
  const { exit, text } = await tested(RULES.replace('"9:00:00"', '"7:00:00"'));
  expect(exit).toBe(1);
  expect(text.split('\n')).toEqual([
    'PROBLEM .autolab/verifier_policy.yaml:8:11: gate.rules.0.examples.0: this rule by itself says allow here (does not apply: 7:00:00 of walltime), not ask. correct the value of gate.rules.0.examples.0',
    'not  rules.long_gpu [.autolab/verifier_policy.yaml:8] { partition: gpu, walltime: "7:00:00" }: allow, not ask (does not apply: 7:00:00 of walltime)',
    expect.stringMatching(/^ok {3}rules\.long_gpu/),
    expect.stringMatching(/^ok {3}rules\.2/),
    expect.stringMatching(/^ok {3}rules\.2/),
    '4 examples: 1 example does not hold; the policy cannot be used, and everything but reading is denied.',
  ]);
});

test('a policy that does not parse: exit 1', async () => {
  const { exit, text } = await tested('gate: [\n');
  expect(exit).toBe(1);
  expect(text).toContain('PROBLEM .autolab/verifier_policy.yaml:');
  expect(text).not.toContain('all hold');
});

test.each(presetNames(PRESETS))(
  'the examples of the preset in use, %s, hold under whatever the project says over it',
  async (name) => {
    const over = 'gate: { acts: { submit: deny, cancel: deny, push: deny } }\n';
    const { exit, text, data } = await tested(`policy_resolution: { default_preset: ${name} }\n${over}`);
    expect(exit).toBe(0);
    const { examples } = readPreset(PRESETS, name);
    expect(data.examples).toHaveLength(examples.length);
    expect(text).toContain(`ok   preset ${name} [presets/${name}.yaml:`);
  },
);

test('no preset and no rules: it says that nothing was tested', async () => {
  const { exit, text } = await tested('');
  expect({ exit, text }).toEqual({
    exit: 0,
    text: 'There are no examples: no preset is in use, and no layer has rules.',
  });
});

test('the rules of docs/policy.md are a policy that holds, and print what stands there', async () => {
  const page = readFileSync(new URL('../../docs/policy.md', import.meta.url), 'utf8');
  const section = page.slice(page.indexOf('## Rules'), page.indexOf('## Presets'));
  const [, rules = ''] = /```yaml\n([\s\S]*?)```/.exec(section) ?? [];
  const [, printed = ''] = /\$ autolab-mcp policy test\n([\s\S]*?)\n```/.exec(section) ?? [];
  expect((await tested(rules)).text).toBe(printed);
});
