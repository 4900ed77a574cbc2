import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, expect, test } from 'vitest';
import * as z from 'zod';
import { openContext } from '../../src/context.ts';
import { approvalStore } from '../../src/policies/approvals.ts';
import { loadPolicy } from '../../src/policies/load.ts';
import { stateFolder } from '../../src/runs/home.ts';
import { callTool } from '../../src/tools/call.ts';
import { tools } from '../../src/tools/index.ts';
import type { Caller, Outcome, Tool } from '../../src/tools/tool.ts';
import { PRESETS } from '../policies/helpers.ts';
import { journalOf } from '../support/artifacts.ts';
import { until } from '../support/repo.ts';
import { forgetTemplate, makeTiny } from '../support/tiny.ts';
import { call as asPerson, initialise, removeInitialised } from './calling.ts';

afterAll(async () => {
  removeInitialised();
  await forgetTemplate();
});

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

/** `ID` stands for the approval that waits, `RUN` for the run there is. */
const HOSTILE: unknown[] = [
  ...['ID', 'RUN', 'local', 'submit_run', 'cancel_run', '../../../etc/passwd', '/etc/hostname', '$(touch taken)', '--ceiling'],
  ...['', '\u0000', '\u202e', '__proto__', 'constructor', 'x'.repeat(300), 'x'.repeat(5000), '.autolab/state.json/x'],
  ...[-1, 0, 0.5, 1e308, true, false, null, [], {}, { again: true }, ['ID']],
];
/** What the schema of a tool says that an argument may be, where it says so outright. */
const fitting = ({ enum: some, type }: { enum?: unknown[]; type?: string }): unknown[] =>
  some ?? (type === 'boolean' ? [true, false] : type === 'integer' ? [0, 1, 200] : ['ID', 'RUN', 'local', 'tiny', 'local_dev']);

/** Arguments of a tool: each of its own, fitting or hostile, or none; and now and then one that it does not have. */
function argumentsOf(tool: Tool): fc.Arbitrary<Record<string, unknown>> {
  const { properties = {} } = z.toJSONSchema(tool.input, { io: 'input' });
  const own = Object.entries(properties).map(
    ([key, schema]) =>
      [
        key,
        fc.oneof(
          { weight: 3, arbitrary: fc.constantFrom(...fitting(schema as { enum?: unknown[]; type?: string })) },
          { weight: 1, arbitrary: fc.constantFrom(...HOSTILE) },
        ),
      ] as const,
  );
  const record = fc.record(Object.fromEntries(own), { requiredKeys: [] });
  const stray = fc.dictionary(
    fc.constantFrom('approve', 'approval', 'policy', '__proto__', 'force'),
    fc.constantFrom(...HOSTILE),
    {
      minKeys: 1,
      maxKeys: 1,
    },
  );
  return fc.oneof(
    { weight: 8, arbitrary: record },
    { weight: 1, arbitrary: fc.tuple(record, stray).map(([some, more]) => ({ ...some, ...more })) },
    { weight: 1, arbitrary: fc.constantFrom(...HOSTILE) as fc.Arbitrary<Record<string, unknown>> },
  );
}

/** A call of each tool as often as of any other, whoever it is for, and of names that are none. */
const call = fc.oneof(
  ...tools.map((tool) => fc.tuple(fc.constant(tool.name), argumentsOf(tool))),
  // What acts, and what is nearest to a yes, with arguments that pass.
  fc.constantFrom<[string, Record<string, unknown>][]>(
    ['submit_run', { again: true }],
    ['submit_run', { site: 'local', again: true }],
    ['cancel_run', { run_id: 'RUN' }],
    ['advance_run', {}],
    ['approve', { id: 'ID' }],
    ['approve', { id: 'ID', signature: '/etc/hostname' }],
    ['explain_policy', { tool: 'submit_run', arguments: { again: true } }],
  ),
  fc.tuple(fc.constantFrom('submit', 'submit_run ', 'SUBMIT_RUN', '__proto__', 'constructor', ''), fc.constant({ again: true })),
);
/** A client that says of itself that its user has said yes. */
const answer = fc.option(fc.boolean(), { nil: undefined });
const calls = fc.array(
  fc.tuple(call, answer).map(([[name, raw], granted]) => [name, raw, granted] as const),
  { minLength: 1, maxLength: 6 },
);

async function asAgent(
  repo: string,
  name: string,
  raw: unknown,
  granted: boolean | undefined,
  run = '20260101T000000Z_000000',
): Promise<Outcome> {
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
    const text = JSON.stringify(raw).replaceAll('"ID"', JSON.stringify(waiting)).replaceAll('"RUN"', JSON.stringify(run));
    const outcome = await callTool(name, JSON.parse(text), caller, context);
    // Whatever an agent says is answered in words of ours, and is no defect.
    if (outcome.kind === 'failed') expect(outcome.failure.code, outcome.text).not.toBe('internal');
    return outcome;
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
      { numRuns: 150 },
    );
  },
);

test('no sequence of an agent’s calls doubles or ends a run that a person let through', { timeout: 240_000 }, async () => {
  const reached = new Set<string>();
  const tiny = await makeTiny((path) => {
    const launch = join(path, 'experiments', 'plan', 'tiny', 'launch');
    writeFileSync(file(path), POLICY('ask'));
    writeFileSync(
      join(launch, 'run_local.sh'),
      '#!/bin/sh\n#SBATCH --time=00:30:00\necho ran >>runs/../ran\nwhile [ -d launch ] && [ ! -e runs/../go ]; do sleep 0.1; done\n',
    );
  });
  try {
    const asked = await asPerson(tiny.path, 'submit_run');
    if (asked.kind !== 'pending') throw new Error(asked.text);
    await approvalStore(join(stateFolder(tiny.path), 'approvals')).grant(asked.approval.id, 'terminal', new Date());
    const done = await asPerson(tiny.path, 'submit_run');
    if (done.kind !== 'done') throw new Error(done.text);
    const run = String(done.data.run_id);
    await until('its job runs', async () => existsSync(join(tiny.iteration, 'ran')) || undefined);
    const events = () => journalOf(join(tiny.iteration, 'runs', run)).map(({ event }) => event);
    const met: [string, Record<string, unknown>, boolean][] = [
      ['submit_run', { again: true }, true],
      ['cancel_run', { run_id: run }, true],
      ['monitor_runs', {}, false],
      ['approve', { id: 'ap_000000000000' }, true],
    ];
    await fc.assert(
      fc.asyncProperty(calls, async (sequence) => {
        for (const [name, raw, granted] of sequence)
          reached.add(`${name} ${(await asAgent(tiny.path, name, raw, granted, run)).kind}`);
        expect((await asAgent(tiny.path, 'cancel_run', { run_id: run }, true)).kind).toBe('pending');
        expect(readdirSync(join(tiny.iteration, 'runs'))).toEqual([run]);
        expect(events().filter((event) => event === 'submitted')).toHaveLength(1);
        expect(events()).not.toContain('cancelling');
        expect(readFileSync(join(tiny.iteration, 'ran'), 'utf8')).toBe('ran\n');
        expect(readFileSync(file(tiny.path), 'utf8')).toBe(POLICY('ask'));
        const { approvals } = approvalStore(join(stateFolder(tiny.path), 'approvals')).list(new Date());
        expect(approvals.filter(({ state }) => state === 'granted' || state === 'consumed').map(({ id }) => id)).toEqual([
          asked.approval.id,
        ]);
      }),
      // First one that is known to come through to the gate; chance alone does not meet them all every time.
      { numRuns: 150, examples: [[met]] },
    );
    // What acts was met by calls that came through to the gate, and not only by such as do not parse.
    expect([...reached]).toEqual(
      expect.arrayContaining(['submit_run pending', 'cancel_run pending', 'monitor_runs done', 'approve failed']),
    );
  } finally {
    writeFileSync(join(tiny.iteration, 'go'), '');
    tiny.remove();
  }
});
