import { afterAll, expect, test } from 'vitest';
import { personsCommand } from '../../src/hook/explained.ts';
import { detoursIn } from '../../src/hook/judge.ts';
import { removeFolder } from '../support/folders.ts';
import { commandsIn, placeInRepository } from './corpus.ts';

const place = placeInRepository();
afterAll(() => removeFolder(place.repo));

/** What a command would be stopped for, as the hook counts it. */
function stopped(command: string): string[] {
  return detoursIn(command, place).flatMap(({ kind, what, words }) =>
    words === undefined || personsCommand(words) !== undefined ? [`${kind} ${what}`] : [],
  );
}

const ordinary = commandsIn('ordinary.txt');
const detours = commandsIn('detours.txt');
const beyond = commandsIn('beyond.txt');

test('nothing ordinary is stopped', () => {
  expect(ordinary.length).toBeGreaterThan(400);
  expect(ordinary.flatMap((command) => stopped(command).map((why) => `${command}: ${why}`))).toEqual([]);
});

test('every detour of the list is stopped', () => {
  expect(detours.length).toBeGreaterThan(300);
  expect(detours.filter((command) => stopped(command).length === 0)).toEqual([]);
});

test('what is beyond it is known: scripts, and names that are made while they run', () => {
  expect(beyond.filter((command) => stopped(command).length > 0)).toEqual([]);
});

test.each([
  ['sbatch x.sh', ['submit sbatch']],
  ['scontrol -Q release 12', ['alter scontrol release']],
  ['scancel 1; qdel 2', ['cancel scancel', 'cancel qdel']],
  ['crontab -e', ['later crontab']],
  ['autolab-mcp --repo . policy seal', ['person autolab-mcp policy seal']],
  ['rm -rf .autolab && sbatch x', ['write .autolab/gate/id', 'submit sbatch']],
  [`${'sh -c "'.repeat(3)}ls`, []],
  ['('.repeat(100_000), ['unreadable a command of this length']],
])('%.40s is told as what it is', (command, told) => {
  expect(stopped(command).slice(0, 2)).toEqual(told);
});

test('the reference’s autolab is told from ours by what is first on PATH, unless the line changes that', () => {
  const found = (command: string, is: 'ours' | 'another') =>
    detoursIn(command, { ...place, which: () => is }).map(({ kind, words }) => (words === undefined ? kind : 'ours'));
  expect(found('autolab run', 'ours')).toEqual(['ours']);
  expect(found('autolab run', 'another')).toEqual(['ungated']);
  expect(found('source .venv/bin/activate && autolab run', 'ours')).toEqual(['ungated']);
  expect(found('.venv/bin/autolab run', 'ours')).toEqual(['ungated']);
});
