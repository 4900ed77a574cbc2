import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { stateFolder } from '../../src/runs/home.ts';
import type { Tiny } from '../support/tiny.ts';
import { forgetTemplate, makeTiny } from '../support/tiny.ts';
import { noteTrials } from './reader.ts';

/** In the environment of our program alone: no known form, so that only their variables' names tell. */
const OWN = { LAB_API_KEY: 'plum-Kettle_91/äx+zz', DB_PASSWORD: 'quince harbour 7731' };
/** Printed by the job, in forms that are known, one of them broken by colours and one over several lines. */
const FORMS = { github: 'ghp_abcdefghij0123456789ABCDEFGHIJ', url: 'hunter22trout', key: 'MIIEvQIBADANBgkqhkiG9w0BAQEFAASC' };
const SCRIPT = `#!/bin/sh
#SBATCH --time=00:01:00
echo "$(printf 'gh\\033[31mp_')${FORMS.github.slice(4)}"
echo "fetching https://bot:${FORMS.url}@host/x.git"
printf '%s\\n' '-----BEGIN PRIVATE KEY-----' '${FORMS.key}' '-----END PRIVATE KEY-----'
echo "own: ${OWN.LAB_API_KEY} and ${OWN.DB_PASSWORD}"
echo "env: \${LAB_API_KEY-none} \${DB_PASSWORD-none}"
`;

let tiny: Tiny;
beforeAll(async () => {
  tiny = await makeTiny((path) => {
    writeFileSync(join(path, 'experiments', 'plan', 'tiny', 'launch', 'run_local.sh'), SCRIPT, { mode: 0o755 });
  });
});
afterAll(async () => {
  tiny?.remove();
  await forgetTemplate();
});

const planted = [...Object.values(OWN), ...Object.values(FORMS)];
const shownIn = (text: string) => planted.filter((one) => text.includes(one));

test('what is planted in environment and log is in no answer, and in no file but the script and what the job wrote itself', async () => {
  const answers: string[] = [];
  const run = async (...args: string[]) => {
    const done = await tiny.run(args, { env: OWN });
    answers.push(args[0] ?? '');
    expect([args, shownIn(done.stdout + done.stderr)]).toEqual([args, []]);
    return done;
  };
  for (const args of [
    ['doctor'],
    ['verify', '--json'],
    ['submit', '--dry-run'],
    ['submit', '--json'],
    ['policy', 'explain', 'submit_run'],
  ])
    await run(...args);
  for (let look = 0; look < 60; look++) {
    const { stdout } = await run('runs', '--json');
    if (/"(?:synced|completed|failed|partial)"/.test(stdout)) break;
    await run('monitor', '--json');
    await new Promise((done) => setTimeout(done, 200));
  }
  const log = await run('logs', '--json');
  expect(log.stdout).toContain('[token]');
  expect(log.stdout).toContain('[private key]');
  expect(log.stdout).toContain('[value of LAB_API_KEY]');
  // Nothing of the caller's environment goes along.
  expect(log.stdout).toContain('env: none none');
  for (const args of [
    ['sync'],
    ['extract'],
    ['audit', 'show'],
    ['audit', 'verify'],
    ['cancel'],
    ['retry'],
    ['submit', '--nothing', OWN.LAB_API_KEY],
  ])
    await run(...args);
  const files = [tiny.path, stateFolder(tiny.path)].flatMap(filesBelow);
  const holding = files.filter(
    (path) => shownIn(readFileSync(path, 'latin1')).length > 0 || shownIn(readFileSync(path, 'utf8')).length > 0,
  );
  // The script as it is in git, as it is run, and as what of it was not committed; and the output that the job wrote itself.
  expect(
    holding.filter(
      (path) =>
        !/\/launch\/run_local\.sh$|\/gate\/scripts\/|\/gate\/uncommitted\.diff$|\/\.git\/|\/logs\/main[^/]*\.out$|\/code\//.test(
          path,
        ),
    ),
  ).toEqual([]);
  noteTrials('secrets', answers.length, 'answers without what was planted');
}, 180_000);

function filesBelow(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .map((name) => join(folder, name))
    .filter((path) => statSync(path, { throwIfNoEntry: false })?.isFile());
}
