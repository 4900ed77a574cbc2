import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { execa } from 'execa';
import fc from 'fast-check';
import { afterAll, expect, test } from 'vitest';
import { sha256 } from '../../src/base/digest.ts';
import { jobScript } from '../../src/sites/job-script.ts';
import { shellWord } from '../../src/sites/shell-text.ts';
import { scratch } from '../runs/samples.ts';
import { PIECES } from './hostile-text.ts';
import { noteTrials } from './reader.ts';

const top = scratch('hostile-shells');
afterAll(top.remove);

/** What no program can be given is left out: a NUL, and halves of characters, which are no bytes. */
const value = fc
  .oneof(
    fc.array(fc.constantFrom(...PIECES), { maxLength: 8 }).map((all) => all.join('')),
    fc.string({ unit: 'binary', maxLength: 40 }),
    fc.constantFrom(
      '$(touch hit)',
      '`touch hit`',
      "';touch hit;'",
      '\n#$ -l x\n',
      '#SBATCH --array=0-9',
      '-n',
      '-e',
      '~',
      '~root',
      '*',
      '{a,b}',
      '!!',
      '\\',
      "$'\\n'",
    ),
    fc.string({ unit: 'grapheme', minLength: 100, maxLength: 300 }),
  )
  .map((text) => wellFormed(text.replaceAll('\0', '')));
function wellFormed(text: string): string {
  return Buffer.from(text).toString();
}

/** The same values at every run of the test: what a shell breaks can be looked at again. */
const samples = (count: number, seed: number) => fc.sample(value, { numRuns: count, seed });

const BATCHES = 20;
const ARGS = 300;
const SET = 200;

test('what a plan holds arrives at the script byte for byte: arguments, environment, folder', async () => {
  for (let batch = 0; batch < BATCHES; batch++) {
    const odd = wellFormed((samples(1, 1000 + batch)[0] ?? '').replaceAll('/', '').slice(0, 40));
    const folder = join(top.path, `${batch}`, `it's $(touch hit) "${Buffer.byteLength(odd) > 120 ? '' : odd}`);
    const gate = join(folder, 'gate');
    mkdirSync(gate, { recursive: true });
    const text = '#!/bin/bash\nprintf "%s\\0" "$@" >args\nenv -0 >environment\npwd -P >folder\n';
    const script = join(gate, 'user.sh');
    writeFileSync(script, text, { mode: 0o755 });
    const args = samples(ARGS, batch);
    const set = Object.fromEntries(samples(SET, 500 + batch).map((one, at) => [`V_${at}`, one]));
    const [run = '', jobName = ''] = ['20260101T000000Z_abcdef', samples(1, 2000 + batch)[0]];
    const spec = {
      run,
      iteration: 'it1',
      step: 'main',
      attempt: 1,
      gate,
      script: { path: script, sha256: sha256(text) },
      args,
      set,
      jobName,
    };
    const ours = join(gate, 'main.1.sh');
    writeFileSync(ours, jobScript({ ...spec, cwd: folder, modules: [], setup: [], requeues: 0 }), { mode: 0o755 });
    // A home of its own: what the profile of whoever runs this does is no subject here.
    const env = { PATH: process.env.PATH, HOME: gate, AUTOLAB_JOB_ID: '7' };
    const done = await execa(ours, [], { cwd: top.path, env, extendEnv: false, reject: false, stdin: 'ignore' });
    expect([done.exitCode, done.stderr]).toEqual([0, '']);
    expect(readFileSync(join(folder, 'args'), 'utf8').split('\0').slice(0, -1)).toEqual(args);
    const seen = readFileSync(join(folder, 'environment'), 'utf8').split('\0');
    const arrived = new Map(seen.map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]));
    expect(Object.fromEntries(Object.keys(set).map((name) => [name, arrived.get(name)]))).toEqual(set);
    expect([arrived.get('JOB_NAME'), arrived.get('RUN_ID')]).toEqual([jobName, run]);
    expect(readFileSync(join(folder, 'folder'), 'utf8')).toBe(`${folder}\n`);
    expect(existsBeside(folder)).toEqual([]);
    rmSync(join(top.path, `${batch}`), { recursive: true });
  }
  noteTrials('job script', BATCHES * (ARGS + SET), 'values that arrived byte for byte through bash -l');
}, 120_000);

test.each(['sh', 'bash'])('a word for %s is read back as it was', async (shell) => {
  const count = 5_000;
  const words = samples(count, 7);
  const text = words.map((word) => `printf '%s\\0' ${shellWord(word)}\n`).join('');
  const { stdout } = await execa(shell, ['-s'], { input: text, cwd: top.path, stripFinalNewline: false, maxBuffer: 1 << 28 });
  expect(stdout.split('\0').slice(0, -1)).toEqual(words);
  expect(existsBeside(top.path)).toEqual([]);
  noteTrials(`shell word (${shell})`, count, 'words that arrived byte for byte');
});

/** The files that a value makes where it is taken for a command. */
function existsBeside(folder: string): string[] {
  return [top.path, folder]
    .map((one) => join(one, 'hit'))
    .filter((path) => {
      try {
        readFileSync(path);
        return true;
      } catch {
        return false;
      }
    });
}
