import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, expect, test } from 'vitest';
import * as z from 'zod';
import type { Repo } from '../support/repo.ts';
import { MAIN, makeRepo, POLICY } from '../support/repo.ts';

const ASKING = `${POLICY}  acts: { write: ask }\n  approve: elicitation\n`;
const YES = { approval: { action: 'accept', content: { answer: 'approve' } } };
const manifest = (run_id: string) => ({
  run_id,
  iteration_id: 'penguins-softmax',
  host_mode: 'slurm',
  job_id: '1',
  status: 'submitted',
  started_at: '2026-02-01T10:11:12Z',
});

let repo: Repo;

beforeAll(async () => {
  repo = await makeRepo();
  writeFileSync(join(repo.path, '.autolab', 'verifier_policy.yaml'), ASKING);
  for (const name of ['a', 'b']) writeFileSync(join(repo.path, `${name}.json`), JSON.stringify(manifest(`run-${name}`)));
});
afterAll(() => repo.cleanup());

const answer = z.object({
  result: z.looseObject({
    resultType: z.string().optional(),
    requestState: z.string().optional(),
    isError: z.boolean().optional(),
  }),
});

/** A client of 2026 that writes its own messages, one after the other. */
async function raw() {
  const child = execa('node', [MAIN, 'serve'], { cwd: repo.path, reject: false, stdin: 'pipe' });
  const lines = child.iterable({ from: 'stdout' })[Symbol.asyncIterator]();
  let id = 0;
  return {
    append: async (name: string, more: object = {}) => {
      id += 1;
      const _meta = {
        'io.modelcontextprotocol/protocolVersion': '2026-07-28',
        'io.modelcontextprotocol/clientInfo': { name: 'raw', version: '1' },
        'io.modelcontextprotocol/clientCapabilities': { elicitation: { form: {} } },
      };
      const params = { name: 'append_ledger', arguments: { manifest: `${name}.json` }, _meta, ...more };
      child.stdin.write(`${JSON.stringify({ jsonrpc: '2.0', id, method: 'tools/call', params })}\n`);
      return answer.parse(JSON.parse(String((await lines.next()).value))).result;
    },
    close: async () => {
      child.stdin.end();
      await child;
    },
  };
}

const ledger = () => readFileSync(join(repo.path, 'docs', 'slurm_job_list.md'), 'utf8');

test('an answer counts only for the very call this process asked about, and only once', async () => {
  const client = await raw();
  const other = await raw();
  try {
    const asked = await client.append('a');
    expect(asked).toMatchObject({ resultType: 'input_required', inputRequests: { approval: { method: 'elicitation/create' } } });
    const { requestState = '' } = asked;
    const tampered = `${requestState.slice(0, -2)}${requestState.endsWith('AA') ? 'BB' : 'AA'}`;

    const unasked = { resultType: 'input_required' };
    expect(await client.append('a', { inputResponses: YES }), 'no note').toMatchObject(unasked);
    expect(await client.append('a', { inputResponses: YES, requestState: 'v1.e30.e30' }), 'a note of its own').toMatchObject(
      unasked,
    );
    expect(await client.append('a', { inputResponses: YES, requestState: tampered }), 'a changed note').toMatchObject(unasked);
    expect(await client.append('b', { inputResponses: YES, requestState }), 'the note of another call').toMatchObject(unasked);
    expect(await other.append('a', { inputResponses: YES, requestState }), 'the note of another process').toMatchObject(unasked);
    expect(ledger()).not.toContain('run-');

    expect(await client.append('a', { inputResponses: YES, requestState })).toMatchObject({
      structuredContent: { result: 'appended' },
    });
    const again = await client.append('a', { inputResponses: YES, requestState });
    expect([again.isError, again.resultType === 'input_required']).toEqual([true, false]);
    expect(ledger()).not.toContain('run-b');
  } finally {
    await client.close();
    await other.close();
  }
});
