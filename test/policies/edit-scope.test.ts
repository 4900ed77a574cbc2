import { expect, test } from 'vitest';
import { decide } from '../../src/policies/decide.ts';
import { editScope } from '../../src/policies/edit-scope.ts';
import type { Policy } from '../../src/policies/load.ts';
import { known, policy, submission } from './helpers.ts';

const ITERATION = 'experiments/plan/it1';
const text = (mode: string, more = '') =>
  `gate: { acts: { submit: allow } }\nagent_runner:\n  edit_scope: { mode: ${mode}, core_dirs: [src, ./scripts/] }\n${more}`;
const sealed = (made: Policy, commit: string | null = 'c0ffee'): Policy => ({
  ...made,
  seal: { sealed: { at: 'then', by: 'me', files: 1, ...(commit === null ? {} : { commit }) }, breaches: [] },
});
const edits = (made: Policy, ...files: string[]) =>
  submission({ edits: known({ files, scope: editScope(made, ITERATION)?.folders ?? [] }) });
const judged = (made: Policy, facts = submission()) =>
  decide(made, facts, 'act').reasons.filter(({ rule }) => rule === 'agent_runner.edit_scope');

test.each([
  ['iteration_only', [ITERATION], ['src/a.py']],
  ['iteration_plus_core', [ITERATION, 'src', 'scripts'], ['srcs/a.py', 'experiments/plan/it10/x']],
  ['scope_root_plus_core', ['', ITERATION, 'src', 'scripts'], []],
])('%s lets an agent work in %j', (mode, folders, outside) => {
  const made = sealed(policy(text(mode)));
  expect(editScope(made, ITERATION)?.folders).toEqual(folders);
  const inside = folders.map((folder) => `${folder || 'anywhere'}/a.py`);
  expect(judged(made, edits(made, ...inside))).toMatchObject([{ verdict: 'allow' }]);
  for (const one of outside)
    expect(judged(made, edits(made, ...inside, one))).toMatchObject([
      { verdict: 'deny', because: expect.stringContaining(': 1 file'), quoted: one, origin: { line: 3 } },
    ]);
});

test('a scope root of one’s own is one', () => {
  const made = policy(text('scope_root_plus_core', 'scope_roots: { project_wide_root: packages/model }\n'));
  expect(editScope(made, ITERATION)?.folders[0]).toBe('packages/model');
});

test('what changed and is not known denies; without a seal, its commit or a scope there is nothing to judge', () => {
  const made = policy(text('iteration_only'));
  expect(judged(sealed(made))).toMatchObject([{ verdict: 'deny', because: expect.stringContaining('nobody looked') }]);
  const unknown = submission({ edits: { unknown: true, why: 'no such commit' } });
  expect(judged(sealed(made), unknown)).toMatchObject([{ verdict: 'deny', because: expect.stringContaining('no such commit') }]);
  expect(judged(sealed(policy(text('everywhere'))), edits(made, 'a'))).toMatchObject([
    { verdict: 'deny', because: expect.stringContaining('everywhere is no mode') },
  ]);
  expect([...judged(made), ...judged(sealed(made, null)), ...judged(sealed(policy('')))]).toEqual([]);
});
