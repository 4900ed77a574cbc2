import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, expect, it } from 'vitest';
import type { Question } from '../../src/policies/approvals.ts';
import { approvalStore } from '../../src/policies/approvals.ts';
import { decide } from '../../src/policies/decide.ts';
import { policy, submission } from './helpers.ts';

const top = mkdtempSync(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'approvals-laws-'));
afterAll(() => rmSync(top, { recursive: true, force: true }));

/** Plans that differ in little, under policies of which one asks by more rules than the other, and for operations of two names. */
const PLANS = [{ argv: ['sbatch', 'a'] }, { argv: ['sbatch', 'a', ''] }, { argv: ['sbatch a'] }, null];
const DECISIONS = ['acts: { submit: ask }', 'acts: { submit: ask }, limits: { jobs: { active: { ask: 0 } } }'].map((gate) =>
  decide(policy(`gate: { ${gate} }`), submission(), 'act'),
);
const QUESTIONS: Question[] = ['submit_run', 'cancel_run'].flatMap((tool) =>
  DECISIONS.flatMap((decision) => PLANS.map((subject) => ({ tool, decision, subject, summary: 'one of many' }))),
);
const MOST = 6;
/** Mostly the same one, so that what is asked is granted and used. */
const question = fc.oneof(
  { weight: 2, arbitrary: fc.constant(0) },
  { weight: 1, arbitrary: fc.integer({ min: 0, max: MOST - 1 }) },
);
type Step =
  | { kind: 'request'; of: number }
  | { kind: 'grant'; of: number }
  | { kind: 'refuse'; of: number }
  /** So many callers at once use it up. */
  | { kind: 'consume'; of: number; times: number }
  /** Whole minutes: sums of broken hours are not the same in every order. */
  | { kind: 'pass'; minutes: number };
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ kind: fc.constantFrom('request' as const, 'grant', 'grant', 'refuse'), of: question }) },
  {
    weight: 3,
    arbitrary: fc.record({ kind: fc.constant('consume' as const), of: question, times: fc.integer({ min: 1, max: 3 }) }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('pass' as const), minutes: fc.constantFrom(60, 360, 714, 720, 1440) }) },
);

/** Asked, granted and used by so many at once: what must be among the orders, and is not left to chance. */
function granted(times: number): Step[] {
  return [
    { kind: 'request', of: 0 },
    { kind: 'grant', of: 0 },
    { kind: 'consume', of: 0, times },
    { kind: 'consume', of: 0, times },
  ];
}

/** What a person remembers of one question: when it was asked, and when they said yes. */
type Memory = { asked: number | null; granted: number | null };

it('a granted approval is good for exactly its plan, operation and policy, within its time, and once, whoever else tries', async () => {
  const used = new Set<string>();
  await fc.assert(
    fc.asyncProperty(
      fc.shuffledSubarray(QUESTIONS, { minLength: MOST, maxLength: MOST }),
      fc.array(step, { minLength: 4, maxLength: 16 }),
      async (questions, steps) => {
        const folder = mkdtempSync(join(top, 'store-'));
        const memory = questions.map((): Memory => ({ asked: null, granted: null }));
        const consumed: string[] = [];
        let minutes = 0;
        const now = () => new Date(Date.UTC(2026, 0, 1) + minutes * 60_000);
        const isWaiting = (at: Memory) => at.asked !== null && at.granted === null && minutes < at.asked + 24 * 60;
        const isGood = (at: Memory) => at.granted !== null && minutes < at.granted + 12 * 60;
        for (const one of steps) {
          if (one.kind === 'pass') {
            minutes += one.minutes;
            continue;
          }
          const mine = memory[one.of];
          const asked = questions[one.of];
          if (!mine || !asked) throw new Error('one of six');
          const store = approvalStore(folder);
          const id = store.find(asked, now())?.id;
          if (one.kind === 'request') {
            await store.request(asked, now());
            if (!isWaiting(mine) && !isGood(mine)) Object.assign(mine, { asked: minutes, granted: null });
          } else if (one.kind === 'grant') {
            expect(id !== undefined).toBe(isWaiting(mine) || isGood(mine));
            if (id !== undefined) await store.grant(id, 'terminal', now());
            if (isWaiting(mine)) mine.granted = minutes;
          } else if (one.kind === 'refuse') {
            if (id !== undefined) await store.refuse(id, now());
            if (isWaiting(mine) || isGood(mine)) Object.assign(mine, { asked: null, granted: null });
          } else {
            const tries = Array.from({ length: one.times }, () => approvalStore(folder).consume(asked, now()));
            const got = (await Promise.all(tries)).flatMap((found) => found ?? []);
            expect(got.length).toBe(isGood(mine) ? 1 : 0);
            for (const { tool, subject, policy: version } of got)
              expect([tool, subject, version]).toEqual([asked.tool, asked.subject, asked.decision.policy_version]);
            consumed.push(...got.map((each) => each.id));
            if (got.length > 0) Object.assign(mine, { asked: null, granted: null });
            used.add(`${got.length} of ${one.times}`);
          }
        }
        expect(new Set(consumed).size).toBe(consumed.length);
        rmSync(folder, { recursive: true });
      },
    ),
    { numRuns: 500, examples: [1, 2, 3].map((times) => [QUESTIONS.slice(0, MOST), granted(times)]) },
  );
  expect([...used].sort()).toEqual(['0 of 1', '0 of 2', '0 of 3', '1 of 1', '1 of 2', '1 of 3']);
}, 120_000);
