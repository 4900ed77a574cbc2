import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { canonical, sha256 } from '../../src/base/digest.ts';
import type { Audit } from '../../src/runs/audit/audit.ts';
import { openAudit } from '../../src/runs/audit/audit.ts';
import { scratch } from './samples.ts';

const top = scratch('audit-laws');
afterAll(top.remove);

const LINES = 7;
const REASON = {
  ...{ rule: 'limits.per_job.cpus', verdict: 'deny', layer: 'preset', at: 'presets/local_dev.yaml:12' },
  ...{ limit: '4 cpus', actual: '64 cpus', because: 'one job may have at most 4 cpus' },
};
const KINDS = ['decision', 'effect', 'refusal', 'approval', 'recovery'] as const;
let log = '';
let head = '';
let audit: Audit;
/** The log after each of its lines, and the head that belongs to it. */
const texts: string[] = [''];
const heads: string[] = [''];

beforeAll(async () => {
  const repo = join(top.path, 'repo');
  const state = join(top.path, 'state');
  mkdirSync(repo);
  mkdirSync(state);
  log = join(repo, '.autolab', 'gate', 'audit.jsonl');
  head = join(state, 'audit-head.json');
  audit = openAudit(repo, state);
  for (let n = 1; n <= LINES; n++) {
    const caller = { surface: 'server', client: 'test/1', uid: 1000, host: 'h' };
    const detail = n % 2 ? 'grüße "quoted" \\ and 1.0' : 'plain';
    await audit.append({
      kind: KINDS[n % 5] ?? 'effect',
      tool: 'submit_run',
      caller,
      verdict: n % 3 ? 'allow' : 'deny',
      rules: ['a', 'b'],
      ...(n % 3 ? {} : { reasons: [REASON], allowed: ['b'], omitted: 1, policy: 'f'.repeat(64) }),
      ...(n % 4 ? {} : { decision: n - 1, command: { work: 'w_x.1', limit: 60, began: 1, ended: 2 } }),
      detail,
    });
    texts.push(readFileSync(log, 'utf8'));
    heads.push(readFileSync(head, 'utf8'));
  }
});

const at = (n: number) => texts[n] ?? '';
const rows = (text: string) => text.split('\n').slice(0, -1);
const whole = (lines: readonly string[]) => lines.map((row) => `${row}\n`).join('');
/** What `verify` says of a log and a head. */
function judged(text: string, headText = heads[LINES] ?? ''): boolean {
  writeFileSync(log, text);
  writeFileSync(head, headText);
  return audit.verify().ok;
}

const line = fc.nat(LINES - 1);
const char = fc.oneof(
  fc.constantFrom(' ', '"', '}', '{', ',', ':', '0', '1', 'a', '\\', '\t', '\r', '\n'),
  fc.string({ unit: 'grapheme', minLength: 1, maxLength: 1 }),
);

describe('whatever is done to a line that the head knows is found', () => {
  test('a character of it is replaced, taken out or put in', () => {
    const how = fc.constantFrom<'replace' | 'remove' | 'insert'>('replace', 'remove', 'insert');
    fc.assert(
      fc.property(line, fc.nat(), how, char, (n, where, kind, by) => {
        const before = rows(at(LINES));
        const row = before[n] ?? '';
        const place = where % row.length;
        const after = `${row.slice(0, place)}${kind === 'remove' ? '' : by}${row.slice(place + (kind === 'insert' ? 0 : 1))}`;
        // A line break before a line is an empty line, which says nothing.
        fc.pre(after !== row && after.trim() !== row && !(kind === 'insert' && place === 0 && by === '\n'));
        expect(judged(whole(before.with(n, after)))).toBe(false);
      }),
      { numRuns: 2000 },
    );
  });
  test('a space stands around it', () => {
    fc.assert(
      fc.property(line, fc.constantFrom(' ', '\t', '\r'), fc.boolean(), (n, space, isBefore) => {
        const before = rows(at(LINES));
        expect(judged(whole(before.with(n, isBefore ? space + before[n] : before[n] + space)))).toBe(false);
      }),
    );
  });
  test('it says the same in other words: a key twice, a letter escaped', () => {
    fc.assert(
      fc.property(line, fc.constantFrom<'twice' | 'escape'>('twice', 'escape'), (n, kind) => {
        const before = rows(at(LINES));
        const row = before[n] ?? '';
        const after = {
          twice: () => row.replace('"verdict":', '"verdict":"deny","verdict":'),
          escape: () => row.replace('submit_run', 'submit\\u005frun'),
        }[kind]();
        expect(JSON.parse(after)).toEqual(JSON.parse(row));
        expect(judged(whole(before.with(n, after)))).toBe(false);
      }),
    );
  });
  test('it is dropped', () => {
    fc.assert(fc.property(line, (n) => !judged(whole(rows(at(LINES)).toSpliced(n, 1)))));
  });
  test('it stands twice, wherever the second one is', () => {
    fc.assert(
      fc.property(line, line, (n, place) => {
        const before = rows(at(LINES));
        expect(judged(whole(before.toSpliced(place + 1, 0, before[n] ?? '')))).toBe(false);
      }),
    );
  });
  test('it changes places with another', () => {
    fc.assert(
      fc.property(line, line, (a, b) => {
        fc.pre(a !== b);
        const before = rows(at(LINES));
        expect(judged(whole(before.with(a, before[b] ?? '').with(b, before[a] ?? '')))).toBe(false);
      }),
    );
  });
  test('it is written anew with a hash of its own, or with all that follows chained anew', () => {
    type Row = { n: number; prev: string; hash?: string; detail: string };
    const hashed = ({ hash: _hash, ...row }: Row): Row => ({ ...row, hash: sha256(canonical(row)) });
    fc.assert(
      fc.property(line, fc.string({ maxLength: 5 }), fc.boolean(), (n, detail, isChained) => {
        const forged = rows(at(LINES)).map((row) => JSON.parse(row) as Row);
        fc.pre(forged[n]?.detail !== detail);
        for (let i = n; i < (isChained ? LINES : n + 1); i++) {
          const row = forged[i] as Row;
          const prev = i === n ? row.prev : (forged[i - 1]?.hash ?? '');
          forged[i] = hashed({ ...row, prev, ...(i === n ? { detail } : {}) });
        }
        expect(judged(whole(forged.map((row) => JSON.stringify(row))))).toBe(false);
      }),
    );
  });
  test('the log is cut anywhere, but for its last line break', () => {
    const bytes = Buffer.from(at(LINES));
    fc.assert(
      fc.property(fc.nat(bytes.length - 2), (size) => !judged(bytes.subarray(0, size).toString('utf8'))),
      { numRuns: 500 },
    );
    expect(judged(at(LINES).slice(0, -1))).toBe(true);
  });
  test('the log is that of an earlier day, or the head is', () => {
    fc.assert(
      fc.property(fc.nat(LINES), fc.nat(LINES), (lines, known) => {
        fc.pre(known > 0);
        // Lines behind the head are what crashes leave, one each time.
        expect(judged(at(lines), heads[known])).toBe(lines >= known);
      }),
    );
  });
});

describe('a crash is told apart', () => {
  test('a line without its head, or torn at any byte, is no tampering, and the next line goes on from it', async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 2, max: LINES }), fc.nat(), async (n, where) => {
        const before = Buffer.byteLength(at(n - 1));
        const after = Buffer.from(at(n));
        const size = before + (where % (after.length - before + 1));
        writeFileSync(log, after.subarray(0, size));
        writeFileSync(head, heads[n - 1] ?? '');
        expect(audit.verify()).toMatchObject({ ok: true, findings: [], moved: false });
        await audit.append({ kind: 'effect', tool: 't', caller: { surface: 's', client: 'c', uid: 1, host: 'h' } });
        expect(audit.verify()).toMatchObject({ ok: true, findings: [], moved: false });
      }),
      { numRuns: 60 },
    );
  });
  test('a crash hides nothing that was done to the lines before', () => {
    fc.assert(
      fc.property(fc.integer({ min: 3, max: LINES }), fc.nat(), fc.nat(), fc.boolean(), (n, where, cut, isTorn) => {
        const last = rows(at(n)).at(-1) ?? '';
        const before = rows(at(n - 1));
        const which = where % before.length;
        const torn = isTorn ? last.slice(0, cut % last.length) : `${last}\n`;
        expect(judged(whole(before.toSpliced(which, 1)) + torn, heads[n - 1])).toBe(false);
      }),
    );
  });
});
