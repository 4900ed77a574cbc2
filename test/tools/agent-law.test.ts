import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, expect, test } from 'vitest';
import { openContext } from '../../src/context.ts';
import { approvalStore } from '../../src/policies/approvals.ts';
import { loadPolicy } from '../../src/policies/load.ts';
import { stateFolder } from '../../src/runs/home.ts';
import { callTool } from '../../src/tools/call.ts';
import { tools } from '../../src/tools/index.ts';
import type { Caller, Outcome } from '../../src/tools/tool.ts';
import { PRESETS } from '../policies/helpers.ts';
import { initialise, removeInitialised } from './calling.ts';

afterAll(removeInitialised);

const POLICY = (verdict: string) => `policy_resolution: { default_preset: local_dev }
gate:
  acts: { submit: ${verdict} }
  approve: terminal
  limits: { spend: { cpu_hours: { run: 5 } } }
  rules:
    - when: { act: cancel }
      verdict: ask
      because: "somebody looks first"
      examples: [{ request: { acts: [cancel] }, expect: ask }, { request: {}, expect: allow }]
`;
const file = (repo: string) => join(repo, '.autolab', 'verifier_policy.yaml');

/** Whatever an agent can pass, sensible or not; `ID` stands for the approval that waits. */
const input = fc.oneof(
  fc.constant({}),
  fc.constantFrom<Record<string, unknown>[]>(
    { dry_run: true },
    { again: true },
    { site: 'local', again: true },
    { id: 'ID' },
    { id: 'ID', refuse: true },
    { id: 'ID', signature: '/etc/hostname' },
    { preset: 'local_dev', name: 'local_dev' },
    { remove: true },
    { expect: '0'.repeat(64) },
    { because: 'it is fine' },
    { stage: 'launch' },
    { tool: 'submit_run', arguments: { again: true } },
    { run_id: 'nothing' },
    { policy: 'gate: {}', approve: true, approval: 'ID' },
  ),
);
/** A client that says of itself that its user has said yes. */
const answer = fc.option(fc.boolean(), { nil: undefined });
const calls = fc.array(fc.tuple(fc.constantFrom(...tools.map(({ name }) => name)), input, answer), {
  minLength: 1,
  maxLength: 5,
});

async function asAgent(repo: string, name: string, raw: unknown, granted: boolean | undefined): Promise<Outcome> {
  const waiting = approvalStore(join(stateFolder(repo), 'approvals')).list(new Date()).approvals[0]?.id ?? 'ap_000000000000';
  const caller: Caller = {
    surface: 'server',
    client: 'an agent',
    uid: 0,
    host: 'here',
    ...(granted === undefined ? {} : { answer: { approval: waiting, granted } }),
  };
  const context = openContext({ start: repo });
  try {
    return await callTool(name, JSON.parse(JSON.stringify(raw).replaceAll('"ID"', JSON.stringify(waiting))), caller, context);
  } finally {
    await context.close();
  }
}

test.each(['deny', 'ask'])(
  'no sequence of an agent’s calls turns %s into a submission, or loosens what says so',
  { timeout: 240_000 },
  async (verdict) => {
    const repo = initialise();
    writeFileSync(file(repo), POLICY(verdict));
    const { version, problems } = loadPolicy(repo, PRESETS);
    expect(problems).toEqual([]);
    await fc.assert(
      fc.asyncProperty(calls, async (sequence) => {
        for (const [name, raw, granted] of sequence) await asAgent(repo, name, raw, granted);
        const said = await asAgent(repo, 'submit_run', { again: true }, true);
        expect(said.kind).toBe(verdict === 'deny' ? 'refused' : 'pending');
        expect([readFileSync(file(repo), 'utf8'), loadPolicy(repo, PRESETS).version]).toEqual([POLICY(verdict), version]);
        const { approvals } = approvalStore(join(stateFolder(repo), 'approvals')).list(new Date());
        expect(approvals.filter(({ state }) => state === 'granted' || state === 'consumed')).toEqual([]);
        expect(existsSync(join(repo, 'experiments', 'plan', 'penguins-softmax', 'runs'))).toBe(false);
      }),
      { numRuns: 40 },
    );
  },
);
