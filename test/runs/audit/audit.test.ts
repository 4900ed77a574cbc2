import { appendFileSync, mkdirSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeEach, describe, expect, test } from 'vitest';
import { canonical, sha256 } from '../../../src/base/digest.ts';
import type { Audit, AuditEntry } from '../../../src/runs/audit/audit.ts';
import { openAudit } from '../../../src/runs/audit/audit.ts';
import { ROOT } from '../../support/repo.ts';
import { viewOf } from '../failing.ts';
import { scratch } from '../samples.ts';

const top = scratch('audit');
afterAll(top.remove);

let at = 0;
let state = '';
let log = '';
let head = '';
let audit: Audit;
beforeEach(() => {
  const repo = join(top.path, String(++at), 'repo');
  state = join(top.path, String(at), 'state');
  mkdirSync(repo, { recursive: true });
  mkdirSync(state);
  log = join(repo, '.autolab', 'gate', 'audit.jsonl');
  head = join(state, 'audit-head.json');
  audit = openAudit(repo, state);
});

const entry = (detail = 'x'): AuditEntry => ({
  kind: 'decision',
  tool: 'submit_run',
  caller: { surface: 'cli', client: 'test', uid: 1, host: 'h' },
  verdict: 'allow',
  rules: ['acts.submit'],
  detail,
});
const text = () => readFileSync(log, 'utf8');
const rows = () => text().split('\n').filter(Boolean);
const good = (lines: number, its = lines) => ({ ok: true, lines, head: its, findings: [], moved: false });
const bad = (lines: number, its: number, ...findings: string[]) => ({
  ok: false,
  lines,
  head: its,
  findings,
  moved: findings.some((one) => one.includes(NO_HEAD)),
});
const NO_HEAD = 'there was no head outside the repository: it was moved or copied here, or the head was removed';
const refused = (why: string) => ({
  code: 'audit_broken',
  what: `${log} does not hold`,
  why,
  next: expect.stringMatching(/^a person looks with `autolab-mcp audit verify`, finds out who changed it, /) as string,
  retry: false,
});
const appending = () => audit.append(entry()).then(() => 'appended', viewOf);
async function fill(n: number): Promise<void> {
  for (let i = 1; i <= n; i++) await audit.append(entry(`line ${i}`));
}

test('no log is a good one', () => expect(audit.verify()).toEqual(good(0)));

test('each line carries the hash of the one before, and the head the last', async () => {
  await fill(3);
  const lines = rows().map((row) => JSON.parse(row) as Record<string, unknown>);
  const hashes = lines.map(({ hash: _hash, ...body }) => sha256(canonical(body)));
  expect(lines).toEqual(
    hashes.map((hash, i) => ({
      v: 1,
      n: i + 1,
      at: expect.stringMatching(/Z$/),
      prev: hashes[i - 1] ?? '0'.repeat(64),
      ...entry(`line ${i + 1}`),
      hash,
    })),
  );
  expect(JSON.parse(readFileSync(head, 'utf8'))).toEqual({ schema_version: '1', n: 3, hash: hashes[2] });
  expect([statSync(log).mode & 0o777, statSync(head).mode & 0o777]).toEqual([0o600, 0o600]);
  expect(audit.verify()).toEqual(good(3));
});

test('secrets are gone before anything is hashed, escapes too, and words are capped', async () => {
  const secret = `ghp_${'a'.repeat(30)}`;
  await audit.append({ ...entry(`\u001b[31mred ${secret}`), input: `{"password":"hunter22"}${'ü'.repeat(5000)}` });
  expect(text()).not.toContain(secret);
  expect(text()).not.toContain('hunter22');
  expect(JSON.parse(text())).toMatchObject({ detail: 'red [token]', input: expect.stringMatching(/… \[\d+ more characters\]$/) });
  expect(audit.verify()).toEqual(good(1));
});

describe('tampering is found, and nothing is appended to it', () => {
  test('an altered line in the middle', async () => {
    await fill(3);
    writeFileSync(log, text().replace('line 2', 'line 9'));
    expect(audit.verify()).toEqual(bad(3, 3, 'line 2: was altered'));
  });
  test('an altered last line', async () => {
    await fill(3);
    writeFileSync(log, text().replace('line 3', 'line 9'));
    expect(audit.verify()).toEqual(bad(3, 3, 'line 3: was altered'));
    expect(await appending()).toEqual(refused('line 3 was altered'));
  });
  test('an altered last line with a hash of its own', async () => {
    await fill(2);
    const { hash: _hash, ...body } = JSON.parse(rows()[1] ?? '') as Record<string, unknown>;
    const forged = { ...body, detail: 'innocent' };
    writeFileSync(log, `${rows()[0]}\n${JSON.stringify({ ...forged, hash: sha256(canonical(forged)) })}\n`);
    expect(audit.verify()).toEqual(bad(2, 2, 'line 2 is not the one its head knows'));
    expect(await appending()).toEqual(refused('line 2 is not the one its head knows'));
  });
  test('a removed last line', async () => {
    await fill(3);
    writeFileSync(log, `${rows().slice(0, 2).join('\n')}\n`);
    expect(audit.verify()).toEqual(bad(2, 3, 'the log ends at 2, and its head knows 3 lines'));
    expect(await appending()).toEqual(refused('it ends at line 2, and its head knows 3'));
  });
  test('a last line that is torn although its head knows it', async () => {
    await fill(3);
    truncateSync(log, statSync(log).size - 10);
    expect(audit.verify()).toEqual(bad(2, 3, 'the log ends at 2, and its head knows 3 lines'));
    expect(await appending()).toEqual(refused('it ends at line 2, and its head knows 3'));
  });
  test('a removed log', async () => {
    await fill(2);
    rmSync(log);
    expect(audit.verify()).toEqual(bad(0, 2, 'the log ends at 0, and its head knows 2 lines'));
    expect(await appending()).toEqual(refused('it is empty, and its head knows 2 lines'));
  });
  test('a removed line in the middle', async () => {
    await fill(3);
    writeFileSync(log, `${rows()[0]}\n${rows()[2]}\n`);
    expect(audit.verify()).toEqual(bad(2, 3, 'line 2: number 3 follows 1', 'line 2: does not follow the line before it'));
  });
  test('a line that is none of ours', async () => {
    await fill(1);
    appendFileSync(log, 'hello\n');
    expect(audit.verify()).toEqual(bad(1, 1, 'line 2 is foreign'));
    expect(await appending()).toEqual(refused('its end cannot be read'));
  });
  test('a line behind the head that does not follow it', async () => {
    await fill(2);
    const forged = { v: 1, n: 3, at: 'x', prev: 'f'.repeat(64), detail: 'forged' };
    appendFileSync(log, `${JSON.stringify({ ...forged, hash: sha256(canonical(forged)) })}\n`);
    expect(audit.verify()).toEqual(bad(3, 2, 'line 3: does not follow the line before it'));
    expect(await appending()).toEqual(refused('line 3 does not follow the one its head knows'));
  });
  test('a removed head stays known until a person accepts the log', async () => {
    await fill(2);
    rmSync(head);
    expect(audit.verify()).toEqual(bad(2, 0, NO_HEAD));
    await fill(2);
    expect(audit.verify()).toEqual(bad(4, 4, `when line 3 was written, ${NO_HEAD}`));
    expect(await audit.accept()).toBe(4);
    expect(audit.verify()).toEqual(good(4));
    await fill(1);
    expect(audit.verify()).toEqual(good(5));
  });
});

describe('a crash is no tampering', () => {
  test('between line and head', async () => {
    await fill(2);
    const before = readFileSync(head, 'utf8');
    await fill(1);
    writeFileSync(head, before);
    expect(audit.verify()).toEqual(good(3, 2));
    await fill(1);
    expect(audit.verify()).toEqual(good(4));
  });
  test('between the first line and the first head', async () => {
    await fill(1);
    rmSync(head);
    expect(audit.verify()).toEqual(good(1, 0));
    await fill(1);
    expect(audit.verify()).toEqual(good(2));
  });
  test('within a line, at any byte of it', async () => {
    await fill(2);
    const [before, its] = [text(), readFileSync(head)];
    await fill(1);
    const after = text();
    const size = Buffer.byteLength(before);
    for (let cut = size + 1; cut < Buffer.byteLength(after); cut += 37) {
      writeFileSync(log, Buffer.from(after).subarray(0, cut));
      writeFileSync(head, its);
      expect(audit.verify()).toEqual(good(2));
      await fill(1);
      expect(audit.verify()).toEqual(good(3));
    }
  });
  test('but for its line break', async () => {
    await fill(2);
    truncateSync(log, statSync(log).size - 1);
    await fill(1);
    expect(audit.verify()).toEqual(good(3));
  });
  test('several times in a row, as on a full disk', async () => {
    await fill(1);
    appendFileSync(log, '{"v":1,"n":2,"at\n{"v":1\n{"v":1,"n":2,"a');
    expect(audit.verify()).toEqual(good(1));
    await fill(1);
    expect(audit.verify()).toEqual(good(2));
  });
  test('in the very first line', async () => {
    mkdirSync(join(log, '..'), { recursive: true });
    writeFileSync(log, '{"v":1,"n"');
    expect(audit.verify()).toEqual(good(0));
    await fill(1);
    expect(audit.verify()).toEqual(good(1));
  });
});

test('lines longer than one look at the tail', async () => {
  const long = (n: number) => ({ ...entry(), rules: Array.from({ length: n }, (_, i) => `${i}${'r'.repeat(1990)}`) });
  for (const n of [1, 40, 400, 1]) await audit.append(long(n));
  await audit.append(long(400));
  appendFileSync(log, `{"v":1,"n":6,${'x'.repeat(700_000)}`);
  await audit.append(entry());
  expect(audit.verify()).toEqual(good(6));
});

test('many processes append one chain', async () => {
  const script = join(top.path, 'append.ts');
  const bundle = join(top.path, 'append.mjs');
  writeFileSync(
    script,
    `import { openAudit } from ${JSON.stringify(join(ROOT, 'src/runs/audit/audit.ts'))};
     const audit = openAudit(process.argv[2], process.argv[3]);
     for (let i = 0; i < 20; i++) await audit.append({ kind: 'effect', tool: 't', caller: { surface: 'cli', client: String(process.pid), uid: 1, host: 'h' } });`,
  );
  await execa(join(ROOT, 'node_modules/.bin/esbuild'), [
    script,
    '--bundle',
    '--platform=node',
    '--format=esm',
    `--outfile=${bundle}`,
  ]);
  const repo = resolve(log, '../../..');
  await Promise.all(Array.from({ length: 4 }, () => execa('node', [bundle, repo, state])));
  expect(audit.verify()).toEqual(good(80));
});
