import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { buildSync } from 'esbuild';
import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import { digest } from '../../src/base/digest.ts';
import { boundTo, sealOf } from '../../src/policies/approval-record.ts';
import type { ApprovalStore } from '../../src/policies/approvals.ts';
import { approvalStore } from '../../src/policies/approvals.ts';
import { decide } from '../../src/policies/decide.ts';
import { policy, submission } from './helpers.ts';

const top = mkdtempSync(join(tmpdir(), 'approvals-'));
afterAll(() => rmSync(top, { recursive: true }));

const SUBJECT = { argv: ['sbatch', 'überprüfung'], left_out: undefined };
const decision = decide(policy(''), submission(), 'act');
const now = new Date('2026-01-01T12:00:00Z');
const hours = (n: number) => new Date(now.getTime() + n * 3_600_000);

let folder: string;
let store: ApprovalStore;
beforeEach(() => {
  folder = mkdtempSync(join(top, 'store-'));
  store = approvalStore(folder);
});

const QUESTION = { tool: 'submit_run', summary: 'submit it1', subject: SUBJECT, decision };
const OTHER = { ...QUESTION, subject: null };
const DIGEST = boundTo({ tool: 'submit_run', subject: JSON.parse(JSON.stringify(SUBJECT)), policy: decision.policy_version });
const request = (at = now) => store.request(QUESTION, at);
const failing = (code: string, what: string) => expect.objectContaining({ code, what });

describe('an approval', () => {
  it('is recorded with what a person needs to see, and read back the same', async () => {
    const asked = await request();
    expect(asked).toEqual({
      schema_version: '1',
      id: expect.stringMatching(/^ap_[0-9a-f]{12}$/),
      tool: 'submit_run',
      policy: decision.policy_version,
      digest: DIGEST,
      summary: 'submit it1',
      subject: { argv: ['sbatch', 'überprüfung'] },
      reasons: decision.reasons.filter((one) => one.verdict === 'ask'),
      state: 'pending',
      via: null,
      created: '2026-01-01T12:00:00Z',
      expires: '2026-01-02T12:00:00Z',
      decided: null,
      note: null,
      seal: expect.stringMatching(/^[0-9a-f]{64}$/),
    });
    expect(store.get(asked.id, now)).toEqual(asked);
    expect(store.find(QUESTION, now)).toEqual(asked);
    expect(store.list(now)).toEqual({ approvals: [asked], unreadable: [] });
  });

  it('is asked for once: the same request finds it while it waits and while it is granted', async () => {
    const asked = await request();
    expect(await request()).toEqual(asked);
    const granted = await store.grant(asked.id, 'terminal', hours(1));
    expect(granted).toEqual({
      ...asked,
      state: 'granted',
      via: 'terminal',
      decided: '2026-01-01T13:00:00Z',
      expires: '2026-01-02T01:00:00Z',
    });
    expect(await request(hours(2))).toEqual(granted);
    expect(await store.grant(asked.id, 'elicitation', hours(2))).toEqual(granted);
    expect(store.find(OTHER, now)).toBeUndefined();
  });

  it('is used once, by its own digest, and only when granted', async () => {
    const asked = await request();
    expect(await store.consume(QUESTION, now)).toBeUndefined();
    const granted = await store.grant(asked.id, 'terminal', now);
    expect(await store.consume(OTHER, now)).toBeUndefined();
    expect(await store.consume(QUESTION, now)).toEqual({ ...granted, state: 'consumed' });
    expect(await store.consume(QUESTION, now)).toBeUndefined();
    expect(store.find(QUESTION, now)).toBeUndefined();
    await expect(store.grant(asked.id, 'terminal', now)).rejects.toThrow(
      failing('approval_unusable', `approval ${asked.id} has been used, and is good for one call only`),
    );
  });

  it('is refused for good, even after it was granted; a new request is a new approval', async () => {
    const asked = await request();
    await store.grant(asked.id, 'terminal', now);
    expect(await store.refuse(asked.id, now, 'too long')).toMatchObject({ state: 'refused', note: 'too long' });
    expect(await store.consume(QUESTION, now)).toBeUndefined();
    await expect(store.grant(asked.id, 'terminal', now)).rejects.toThrow(
      failing('approval_unusable', `approval ${asked.id} was refused`),
    );
    expect((await request()).id).not.toBe(asked.id);
  });

  it('expires a day after it was asked for, and half a day after it was granted', async () => {
    const asked = await request();
    expect(store.get(asked.id, hours(24)).state).toBe('expired');
    await expect(store.grant(asked.id, 'terminal', hours(24))).rejects.toThrow(
      failing('approval_unusable', `approval ${asked.id} has expired`),
    );
    expect((await request(hours(24))).id).not.toBe(asked.id);
    const other = await store.request(OTHER, now);
    await store.grant(other.id, 'terminal', hours(23));
    expect(store.get(other.id, hours(34)).state).toBe('granted');
    expect(await store.consume(OTHER, hours(35))).toBeUndefined();
  });

  it('shows what it is good for, whoever seals it anew', async () => {
    const { id } = await request();
    const file = join(folder, `${id}.json`);
    const other = { ...JSON.parse(readFileSync(file, 'utf8')), subject: { argv: ['true'] } };
    writeFileSync(file, JSON.stringify({ ...other, seal: sealOf(other) }));
    expect(() => store.get(id, now)).toThrow(failing('approval_unusable', `approval ${id} was altered`));
  });

  it('does for fewer rules that ask, and not for more', async () => {
    const strict = decide(policy('gate: { limits: { jobs: { active: { ask: 0, deny: 9 } } } }'), submission(), 'act');
    const both = { ...QUESTION, decision: strict };
    const milder = { ...strict, reasons: strict.reasons.filter(({ rule }) => rule !== 'limits.jobs.active') };
    const asked = await store.request(both, now);
    await store.grant(asked.id, 'terminal', now);
    expect(store.find({ ...both, decision: milder }, now)?.id).toBe(asked.id);
    const more = {
      rule: 'rules.1',
      verdict: 'ask' as const,
      because: 'x',
      remedy: '',
      origin: { layer: 'project' as const, file: 'f', line: 1 },
    };
    expect(store.find({ ...both, decision: { ...strict, reasons: [...strict.reasons, more] } }, now)).toBeUndefined();
    expect(await store.consume({ ...both, decision: milder }, now)).toMatchObject({ id: asked.id, state: 'consumed' });
  });

  it('that nobody asked for is unknown', async () => {
    for (const id of ['ap_000000000000', '../../etc/passwd', '']) {
      expect(() => store.get(id, now)).toThrow(failing('approval_unknown', `there is no approval ${JSON.stringify(id)}`));
      await expect(store.grant(id, 'terminal', now)).rejects.toThrow(expect.objectContaining({ code: 'approval_unknown' }));
      await expect(store.refuse(id, now)).rejects.toThrow(expect.objectContaining({ code: 'approval_unknown' }));
    }
  });

  it.each<[string, (text: string) => string, string, string]>([
    ['torn', (text) => text.slice(0, 80), 'approval_unusable', 'is torn'],
    ['empty', () => '', 'approval_unusable', 'is torn'],
    ['no record', () => '{"schema_version":"1"}', 'approval_unusable', 'was altered'],
    ['shown otherwise', (text) => text.replace('sbatch', 'true'), 'approval_unusable', 'was altered'],
    ['bound otherwise', (text) => text.replace(DIGEST, digest('another')), 'approval_unusable', 'was altered'],
    [
      'of a later version',
      (text) => text.replace('"schema_version": "1"', '"schema_version": "2"'),
      'file_newer',
      'has schema version 2',
    ],
  ])('whose file is %s is good for nothing', async (_name, change, code, what) => {
    const { id } = await request();
    await store.grant(id, 'terminal', now);
    const file = join(folder, `${id}.json`);
    writeFileSync(file, change(readFileSync(file, 'utf8')));
    expect(() => store.get(id, now)).toThrow(expect.objectContaining({ code, what: expect.stringContaining(what) }));
    expect(await store.consume(QUESTION, now)).toBeUndefined();
    expect(await store.consume(OTHER, now)).toBeUndefined();
    expect(store.list(now)).toMatchObject({ approvals: [], unreadable: [{ id }] });
  });
});

describe('several processes', () => {
  const bundle = join(top, 'approvals.mjs');
  buildSync({
    entryPoints: [fileURLToPath(new URL('../../src/policies/approvals.ts', import.meta.url))],
    bundle: true,
    platform: 'node',
    format: 'esm',
    outfile: bundle,
    logLevel: 'error',
  });

  it('use one approval once', { timeout: 120_000 }, async () => {
    const asked = await request();
    await store.grant(asked.id, 'terminal', now);
    const script = `import { approvalStore } from ${JSON.stringify(bundle)};
      process.stdout.write('ready');
      process.stdin.once('data', async () => {
        const used = await approvalStore(${JSON.stringify(folder)}).consume(${JSON.stringify(QUESTION)}, new Date(${now.getTime()}));
        process.stdout.write(used ? ' used' : ' none');
        process.exit(0);
      });`;
    const children = Array.from({ length: 6 }, () =>
      spawn(process.execPath, ['--input-type=module', '-e', script], { stdio: ['pipe', 'pipe', 'inherit'] }),
    );
    const ends = children.map(output);
    await Promise.all(children.map((child) => new Promise((ready) => child.stdout?.once('data', ready))));
    for (const child of children) child.stdin?.write('go\n');
    expect((await Promise.all(ends)).sort()).toEqual([
      'ready none',
      'ready none',
      'ready none',
      'ready none',
      'ready none',
      'ready used',
    ]);
  });

  it('ask for the same approval once', async () => {
    const asked = await Promise.all(Array.from({ length: 8 }, () => request()));
    expect(new Set(asked.map((one) => one.id)).size).toBe(1);
  });
});

function output(child: ChildProcess): Promise<string> {
  let text = '';
  child.stdout?.on('data', (part: Buffer) => {
    text += part.toString();
  });
  return new Promise((resolve) => child.once('close', () => resolve(text)));
}
