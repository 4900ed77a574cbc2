import { spawn } from 'node:child_process';
import { expect, test } from 'vitest';
import { senderLook } from '../../src/sites/sender-look.ts';
import { localTransport } from '../../src/sites/transports/local.ts';
import { until } from '../support/repo.ts';

const isSending = async (word: string): Promise<boolean> => {
  const { command, read } = senderLook(['--job-name=other', word]);
  return read(await localTransport().run(command, { timeoutMs: 10_000 })).has(word);
};

test('a process is told by a whole word of its command line while it lives, and the look does not find itself', async () => {
  const word = `--job-name=al_sender.main.1.${process.pid}`;
  expect(await isSending(word)).toBe(false);
  const child = spawn('sh', ['-c', 'read line', 'sbatch', '--hold', word], { stdio: ['pipe', 'ignore', 'ignore'] });
  await until('it is seen', async () => (await isSending(word)) || undefined);
  expect(await isSending(word.slice(0, -1))).toBe(false);
  expect(await isSending(`${word}0`)).toBe(false);
  child.stdin.end();
  await until('it is gone', async () => !(await isSending(word)) || undefined);
});
