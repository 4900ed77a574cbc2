import { chmodSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { execa } from 'execa';
import { afterAll, expect, test } from 'vitest';
import { stateFolder } from '../../src/runs/home.ts';
import { readJsonFile } from '../support/artifacts.ts';
import { sessionsOf } from '../support/document.ts';
import { removeFolder } from '../support/folders.ts';
import { MAIN, ROOT } from '../support/repo.ts';
import { metricsSchema } from './autolab-artifacts.ts';

const folder = realpathSync(mkdtempSync(join(tmpdir(), 'pi-')));
const repo = join(folder, 'pi');
const runs = join(repo, 'experiments', 'plan', 'pi-chain', 'runs');
const program = join(folder, 'autolab-mcp');
writeFileSync(program, `#!/bin/sh\nexec '${process.execPath}' '${MAIN}' "$@"\n`);
chmodSync(program, 0o755);
const GIT = {
  GIT_AUTHOR_NAME: 'test',
  GIT_AUTHOR_EMAIL: 't@localhost',
  GIT_COMMITTER_NAME: 'test',
  GIT_COMMITTER_EMAIL: 't@localhost',
};
const env = { ...GIT, PATH: [folder, process.env.PATH].join(delimiter) };

afterAll(() => {
  rmSync(stateFolder(repo), { recursive: true, force: true });
  removeFolder(folder);
});

/** What a test adds to the page's policy: looks may follow each other closely. */
const OFTEN = 'limits: { scheduler: { poll_seconds: 1 } }';

/** The same at every time and for every run. */
function same(line: string): string {
  return line
    .replaceAll(repo, '/tmp/pi')
    .replace(/\d{8}T\d{6}Z_[0-9a-f]{6}/g, 'RUN')
    .replace(/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ/g, 'TIME')
    .replace(/untrusted-log-[0-9a-f]+/g, 'untrusted-log');
}

const literal = (text: string) => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');

/** What is shown is said, line after line; only where … stands may more be said. */
function expectShown(command: string, shown: readonly string[], said: readonly string[]): void {
  const pattern = shown.map((line) => (line === '…' ? '(?:.*\n)*?' : `${literal(same(line))}\n`)).join('');
  expect(said.map((line) => `${same(line)}\n`).join(''), `$ ${command}\nshown:\n${shown.join('\n')}\nsaid`).toMatch(
    new RegExp(`^${pattern}$`),
  );
}

test('the page’s commands say what the page shows, and every fault is told and mended as it says', async () => {
  for (const { command, shown } of sessionsOf('docs/arrays-and-chains.md')) {
    const isFirst = command.startsWith('cp ');
    const typed = command.replaceAll('/tmp/pi', repo).replace('gate: { ', `gate: { ${OFTEN}, `);
    const done = await execa('bash', ['-c', typed], {
      cwd: isFirst ? ROOT : repo,
      env,
      reject: false,
      stdin: 'ignore',
      all: true,
    });
    expectShown(command, shown, done.all === '' ? [] : done.all.split('\n'));
  }
  const [good] = (await execa('ls', [runs])).stdout.split('\n');
  const metrics = metricsSchema.parse(readJsonFile(join(runs, good ?? '', 'metrics.json')));
  expect(metrics).toMatchObject({ status: 'completed', primary_metric: { name: 'absolute_error', value: 0.001943 } });
}, 240_000);
