import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { definitions } from '../../src/server/definitions.ts';
import { tools } from '../../src/tools/index.ts';
import type { Repo } from '../support/repo.ts';
import { makeRepo, POLICY } from '../support/repo.ts';
import type { Reply, Result, User } from './asking.ts';
import { connect, ERAS, MANIFEST, textOf } from './asking.ts';

/** What is written into the ledger here needs somebody’s yes, which a client may ask its user for. */
const ASKING = `${POLICY}  acts: { write: ask }\n  approve: elicitation\n`;
const APPEND = { manifest: 'manifest.json' };

let repo: Repo;
const users: User[] = [];

beforeAll(async () => {
  repo = await makeRepo();
  writeFileSync(join(repo.path, 'manifest.json'), JSON.stringify(MANIFEST));
});
afterEach(async () => {
  await Promise.all(users.splice(0).map((user) => user.close()));
});
afterAll(() => repo.cleanup());

async function user(era: (typeof ERAS)[number], reply?: Reply): Promise<User> {
  const one = await connect(era, repo.path, reply);
  users.push(one);
  return one;
}

function policy(text: string): void {
  writeFileSync(join(repo.path, '.autolab', 'verifier_policy.yaml'), text);
}

function ledger(): string {
  return readFileSync(join(repo.path, 'docs', 'slurm_job_list.md'), 'utf8');
}

function kind(one: Result): string | undefined {
  return one._meta?.['autolab/outcome']?.kind;
}

describe.each(ERAS)('a client of %s', (era) => {
  test('lists the tools of agents, with object schemas and a description of every field', async () => {
    const listed = await (await user(era)).list();
    expect(listed.map(({ name }) => name)).toEqual(tools.filter((tool) => tool.audience === 'agent').map((tool) => tool.name));
    for (const { inputSchema, outputSchema } of listed) {
      expect(inputSchema).toMatchObject({ type: 'object', additionalProperties: false });
      if (outputSchema) expect(outputSchema).toMatchObject({ type: 'object' });
    }
  });

  test('gets structured content and a text', async () => {
    const answer = await (await user(era)).call('list_runs');
    expect(answer.isError).toBeUndefined();
    expect(answer.structuredContent).toEqual({ runs: [], total: 0, shown: 0, more: false, unreadable: [] });
    expect(textOf(answer)).not.toBe('');
  });

  test('is told in our words what is wrong with its arguments, and the audit has it', async () => {
    const answer = await (await user(era)).call('list_runs', { limt: 3 });
    expect(answer).toMatchObject({
      isError: true,
      _meta: { 'autolab/outcome': { kind: 'failed', failure: { code: 'usage' }, exit: 2 } },
    });
    expect(textOf(answer)).toContain('"limt" is no argument of list_runs; did you mean limit?');
    const audit = readFileSync(join(repo.path, '.autolab', 'gate', 'audit.jsonl'), 'utf8')
      .trimEnd()
      .split('\n');
    expect(JSON.parse(audit.at(-1) ?? '')).toMatchObject({
      kind: 'refusal',
      tool: 'list_runs',
      caller: { surface: 'server', client: `client-${era}/1` },
    });
  });

  test('is told as a protocol error that a tool does not exist, in our words', async () => {
    await expect((await user(era)).call('submit_rum')).rejects.toMatchObject({
      code: -32602,
      message: expect.stringContaining('did you mean submit_run?'),
      data: { code: 'unknown_tool' },
    });
  });

  test('cannot use what is a person’s', async () => {
    const answer = await (await user(era)).call('approve', { id: 'ap_0123456789ab' });
    expect(answer).toMatchObject({ isError: true, _meta: { 'autolab/outcome': { failure: { code: 'not_for_agents' } } } });
  });

  test('is refused with rule, file and line', async () => {
    policy(`${POLICY}  acts: { write: deny }\n`);
    const answer = await (await user(era)).call('append_ledger', APPEND);
    expect([answer.isError, kind(answer)]).toEqual([true, 'refused']);
    expect(textOf(answer)).toMatch(/acts\.write[\s\S]*verifier_policy\.yaml:\d+/);
  });
});

describe.each(ERAS)('where a person must be asked, a client of %s', (era) => {
  test('that cannot ask is told what a person has to type', async () => {
    policy(ASKING);
    const answer = await (await user(era)).call('append_ledger', APPEND);
    expect([answer.isError, kind(answer), answer.structuredContent]).toEqual([true, 'pending', undefined]);
    expect(textOf(answer)).toMatch(/autolab-mcp approve ap_[0-9a-f]{12}/);
    expect(ledger()).not.toContain(MANIFEST.run_id);
  });

  test.each([
    ['closes the question', { action: 'cancel' }, 'pending'],
    ['gives no clear answer', { action: 'accept', content: { answer: '' } }, 'pending'],
  ] as const)('whose user %s leaves it waiting', async (_, reply, outcome) => {
    policy(ASKING);
    const one = await user(era, { ...reply });
    const answer = await one.call('append_ledger', APPEND);
    expect([answer.isError, kind(answer), one.questions.length]).toEqual([true, outcome, 1]);
    expect(one.questions[0]).toMatch(/acts\.write.*verifier_policy\.yaml:\d+/);
    expect(ledger()).not.toContain(MANIFEST.run_id);
  });

  test.each([
    ['declines', { action: 'decline' }],
    ['says no', { action: 'accept', content: { answer: 'refuse' } }],
  ] as const)('whose user %s is refused', async (_, reply) => {
    policy(ASKING);
    const answer = await (await user(era, { ...reply })).call('append_ledger', APPEND);
    expect(answer).toMatchObject({
      isError: true,
      _meta: { 'autolab/outcome': { kind: 'failed', failure: { code: 'approval_unusable' } } },
    });
    expect(ledger()).not.toContain(MANIFEST.run_id);
  });

  test('whose user says yes is served, once', async () => {
    policy(ASKING);
    const run_id = `20260201T101112Z_${era}ab`;
    writeFileSync(join(repo.path, `${era}.json`), JSON.stringify({ ...MANIFEST, run_id }));
    const one = await user(era, { action: 'accept', content: { answer: 'approve' } });
    const answer = await one.call('append_ledger', { manifest: `${era}.json` });
    expect(answer).toMatchObject({ structuredContent: { run_id, result: 'appended' } });
    expect(one.questions).toHaveLength(1);
    expect(ledger()).toContain(run_id);
    await one.call('append_ledger', { manifest: `${era}.json` });
    expect(one.questions).toHaveLength(2);
  });

  test('is not asked where only a terminal counts', async () => {
    policy(ASKING.replace('elicitation', 'terminal'));
    const one = await user(era, { action: 'accept', content: { answer: 'approve' } });
    const answer = await one.call('append_ledger', APPEND);
    expect([kind(answer), one.questions]).toEqual(['pending', []]);
  });
});

test('the list is what the definitions say, and small enough to be read at every start', async () => {
  const listed = await (await user('2025')).list();
  expect(listed).toEqual(definitions(tools));
  expect(Buffer.byteLength(JSON.stringify(listed))).toBeLessThan(40_000);
});
