import { expect, test } from 'vitest';
import type { Call } from '../../src/cli/approve.ts';
import { approveOnTerminal } from '../../src/cli/approve.ts';
import type { Outcome } from '../../src/tools/tool.ts';

const id = 'ap_0123456789ab';
const subject = { argv: ['sbatch', 'x'] };
const answerOf = (name: string, state = 'pending'): Outcome => ({
  kind: 'done',
  data: name === 'list_approvals' ? { approvals: [{ id, state, digest: 'd1', subject }], how: 'terminal' } : {},
  text: `the answer of ${name}`,
  exit: 0,
  faults: [],
});

/** Keeps every call that goes to the gate. */
function gate(state?: string): { call: Call; calls: unknown[] } {
  const calls: unknown[] = [];
  const call: Call = async (name, input, answer) => {
    calls.push([name, input, answer]);
    return answerOf(name, state);
  };
  return { call, calls };
}

const never = async (): Promise<string> => {
  throw new Error('asked');
};

test('yes at the terminal grants what was shown there', async () => {
  const { call, calls } = gate();
  const questions: string[] = [];
  const outcome = await approveOnTerminal(call, { id }, async (question) => {
    questions.push(question);
    return 'yes';
  });
  expect(outcome).toEqual(answerOf('approve'));
  expect(questions).toEqual([
    `the answer of list_approvals

What exactly would be done (digest d1):
{
  "argv": [
    "sbatch",
    "x"
  ]
}

Type yes to approve ${id}, anything else to leave it waiting: `,
  ]);
  expect(calls).toEqual([
    ['list_approvals', { id }, undefined],
    ['approve', { id }, { approval: id, granted: true }],
  ]);
});

test.each(['', 'y', 'no', 'yes please'])('%j grants nothing', async (typed) => {
  const { call, calls } = gate();
  await expect(approveOnTerminal(call, { id }, async () => typed)).rejects.toMatchObject({ code: 'approval_unusable', exit: 1 });
  expect(calls).toEqual([['list_approvals', { id }, undefined]]);
});

test('without a terminal nothing is granted, and what to do is said', async () => {
  const { call, calls } = gate();
  await expect(approveOnTerminal(call, { id }, async () => undefined)).rejects.toMatchObject({
    code: 'not_for_agents',
    next: `run \`autolab-mcp approve ${id}\` in a terminal`,
  });
  expect(calls).toEqual([['list_approvals', { id }, undefined]]);
});

test('nobody is asked about what is granted, and what was cut off is completed', async () => {
  const { call, calls } = gate('granted');
  await approveOnTerminal(call, { id }, never);
  expect(calls).toEqual([
    ['list_approvals', { id }, undefined],
    ['approve', { id }, { approval: id, granted: true }],
  ]);
});

test.each(['used', 'refused', 'expired'])('nobody is asked about what is %s', async (state) => {
  const { call } = gate(state);
  await expect(approveOnTerminal(call, { id }, never)).rejects.toMatchObject({
    code: 'approval_unusable',
    what: `${id} is ${state}`,
  });
});

test('refusing asks nothing', async () => {
  const { call, calls } = gate();
  await approveOnTerminal(call, { id, refuse: true }, never);
  expect(calls).toEqual([['approve', { id, refuse: true }, { approval: id, granted: false }]]);
});
