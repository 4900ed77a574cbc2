import { expect, test } from 'vitest';
import type { Decision } from '../../src/policies/types.ts';
import { clientName } from '../../src/server/caller.ts';
import { INSTRUCTIONS } from '../../src/server/instructions.ts';
import { form, readAnswer } from '../../src/server/question.ts';

test.each([
  [{ name: 'claude-code', version: '2.1.330' }, 'claude-code/2.1.330'],
  [{ name: 'my client', version: '' }, 'my-client'],
  [{ name: 'evil\u001b[31m\nname\u202e', version: '1/2' }, 'evil-name/1-2'],
  [{ name: 'x'.repeat(1000), version: '1' }, `${'x'.repeat(64)}/1`],
  [{ name: '', version: '' }, 'unknown'],
  [{ name: 7 }, 'unknown'],
  [undefined, 'unknown'],
])('%j is named %s', (info, name) => {
  expect(clientName(info)).toBe(name);
});

test.each([
  ['accept', { answer: 'approve' }, 'granted'],
  ['accept', { answer: 'refuse' }, 'refused'],
  ['accept', { answer: 'yes' }, 'none'],
  ['accept', undefined, 'none'],
  ['accept', { approve: true }, 'none'],
  ['decline', { answer: 'approve' }, 'refused'],
  ['cancel', { answer: 'approve' }, 'none'],
] as const)('%s %j is %s', (action, content, answer) => {
  expect(readAnswer(action, content)).toBe(answer);
});

test('the instructions fit where hosts cut them', () => {
  expect(Buffer.byteLength(INSTRUCTIONS)).toBeLessThan(2048);
});

test('the question says what would happen, which rules ask, and where they stand; nothing is chosen beforehand', () => {
  const decision: Decision = {
    verdict: 'ask',
    policy_version: 'p1',
    reasons: [
      {
        rule: 'limits.per_job.walltime',
        verdict: 'ask',
        because: 'long jobs starve the queue',
        actual: '12h',
        limit: '8h',
        remedy: 'ask for less',
        origin: { layer: 'project', file: '.autolab/verifier_policy.yaml', line: 7 },
      },
      {
        rule: 'acts.submit',
        verdict: 'ask',
        because: 'it spends',
        remedy: '',
        origin: { layer: 'defaults', file: 'defaults', line: 0 },
      },
      {
        rule: 'limits.per_job.gpus',
        verdict: 'allow',
        because: 'few',
        remedy: '',
        origin: { layer: 'defaults', file: 'defaults', line: 0 },
      },
    ],
  };
  const approval = {
    schema_version: '1' as const,
    id: 'ap_0123456789ab',
    digest: 'd'.repeat(64),
    summary: 'submit 1 job, at most 4 GPU hours',
    tool: 'submit_run',
    policy: 'v1',
    subject: {},
    reasons: decision.reasons,
    state: 'pending' as const,
    via: null,
    created: '2026-02-01T00:00:00Z',
    expires: '2026-02-02T00:00:00Z',
    decided: null,
    note: null,
    seal: '',
  };
  expect(form({ kind: 'pending', approval, decision, ask: true, text: '' })).toEqual({
    mode: 'form',
    message: `submit 1 job, at most 4 GPU hours
It needs your approval because:
- limits.per_job.walltime (is 12h, limit 8h): long jobs starve the queue [.autolab/verifier_policy.yaml:7]
- acts.submit: it spends [defaults]`,
    requestedSchema: {
      type: 'object',
      properties: {
        answer: {
          type: 'string',
          title: 'Your answer',
          description: 'approve allows this one act, once; refuse closes ap_0123456789ab',
          enum: ['approve', 'refuse'],
        },
      },
      required: ['answer'],
    },
  });
});
