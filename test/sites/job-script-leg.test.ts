import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { execa } from 'execa';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { sha256 } from '../../src/base/digest.ts';
import type { JobScriptSpec } from '../../src/sites/job-script.ts';
import { jobScript, readMarker } from '../../src/sites/job-script.ts';
import { marker } from '../runs/samples.ts';

let top = '';
const other = () => join(top, "another run's gate");
const gate = () => join(top, 'gate');
beforeEach(() => {
  top = mkdtempSync(join(tmpdir(), 'job-script-leg-'));
});
afterEach(() => rmSync(top, { recursive: true, force: true }));

const SCRIPT = '#!/bin/sh\necho "$AUTOLAB_LEG/$AUTOLAB_LEGS" >>ran\n';

/** Runs the job script of task 107 once. Gives its exit code, what its marker says it refused, and whether the script ran. */
async function run(change: Partial<JobScriptSpec>): Promise<[number | undefined, string | undefined, string | undefined]> {
  const script = { path: join(top, 'user.sh'), sha256: sha256(SCRIPT) };
  writeFileSync(script.path, SCRIPT, { mode: 0o755 });
  const spec: JobScriptSpec = {
    ...{ run: 'r1', iteration: 'i1', step: 'b', attempt: 2, gate: gate(), script, args: [], cwd: top },
    ...{ modules: [], setup: [], set: {}, jobName: 'x', requeues: 0, ...change },
  };
  writeFileSync(join(top, 'job.sh'), jobScript(spec), { mode: 0o755 });
  const env = { AUTOLAB_JOB_ID: '9', AUTOLAB_TASK_INDEX: '107', PATH: process.env.PATH ?? '', HOME: top };
  const done = await execa(join(top, 'job.sh'), { env, extendEnv: false, reject: false });
  const found = readMarker(readFileSync(join(gate(), 'exit', '07', 'b.107.2.json'), 'utf8'));
  return [done.exitCode, found?.refused, text(join(top, 'ran'))];
}
function text(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch {
    return undefined;
  }
}
function put(path: string, content = ''): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, content);
}
/** What one start of the step before left: its claim, and its marker or the note of a signal. */
function left(start: number, what: Parameters<typeof marker>[0] | 'signalled' | 'nothing', at = gate(), attempt = 1): void {
  mkdirSync(join(at, 'claim', `a.107.${attempt}`, `start.${start}`), { recursive: true });
  if (what === 'signalled') put(join(at, 'signalled', `a.107.${attempt}.${start}`), 'TERM 1\n');
  else if (what !== 'nothing')
    put(
      join(at, 'exit', '07', `a.107.${attempt}${start === 0 ? '' : `.r${start}`}.json`),
      `${JSON.stringify(marker({ step: 'a', task: 107, attempt, restart: start, ...what }))}\n`,
    );
}
const leg = { number: 2, of: 3, parent: { step: 'a', attempt: 1, others: {} } };
const RAN = [0, undefined, '2/3'];
const UNNEEDED = [0, 'unneeded', undefined];
const REFUSED = [79, 'dependency', undefined];

test.each<[string, (Parameters<typeof marker>[0] | 'signalled' | 'nothing')[], unknown[]]>([
  ['ended well', [{}], UNNEEDED],
  ['was not needed', [{ refused: 'unneeded' }], UNNEEDED],
  ['ended with 0 after a signal', [{ signals: ['TERM'] }], RAN],
  ['ended with 143 after two signals', [{ exit: 143, signals: ['USR1', 'TERM'] }], RAN],
  ['was told to end and left no marker', ['signalled'], RAN],
  ['failed', [{ exit: 3 }], REFUSED],
  ['was killed without a word', ['nothing'], REFUSED],
  ['never began', [], REFUSED],
  ['did not run what was approved', [{ exit: 78, refused: 'drift' }], REFUSED],
  ['was refused itself', [{ exit: 79, refused: 'dependency' }], REFUSED],
  ['was cut short and started again once too often', ['nothing', { exit: 77, refused: 'restart' }], RAN],
  ['ended well and was started again once too often', [{}, { exit: 77, refused: 'restart' }], UNNEEDED],
  ['was cut short, started again, and ended well', ['signalled', {}], UNNEEDED],
  ['was cut short, started again, and killed without a word', ['signalled', 'nothing'], REFUSED],
  // What looks like the end of a marker within a name proves nothing.
  ['failed on a node with a strange name', [{ exit: 3, node: '","exit":0,"signals":[],"x":"' }], REFUSED],
])('a leg, where the one before it %s', async (_what, starts, expected) => {
  for (const [at, what] of starts.entries()) left(at, what);
  expect(await run({ leg })).toEqual(expected);
});

test('a task goes by the attempt that its own task before it ran in', async () => {
  left(0, { signals: ['TERM'] }, gate(), 1);
  left(0, {}, gate(), 3);
  expect(await run({ leg: { ...leg, parent: { step: 'a', attempt: 3, others: { 107: 1 } } } })).toEqual(RAN);
});

test.each<[string, Parameters<typeof marker>[0] | 'signalled' | 'nothing', unknown[]]>([
  ['ended well', {}, [0, undefined, '/']],
  ['ended with 0 after a signal', { signals: ['TERM'] }, REFUSED],
  ['failed', { exit: 1 }, REFUSED],
  ['left nothing', 'nothing', REFUSED],
])('a run that waits for another, of which one task %s', async (_what, end, expected) => {
  left(0, {}, other(), 5);
  left(0, end, other());
  expect(await run({ ends: [{ run: 'r0', gate: other(), tasks: ['a.107.5', 'a.107.1'] }] })).toEqual(expected);
});
