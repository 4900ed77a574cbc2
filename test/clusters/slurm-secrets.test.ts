import { existsSync, readdirSync, readFileSync, realpathSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Agent, ToolAnswer } from '../support/clients.ts';
import { legacyAgent, modernAgent } from '../support/clients.ts';
import { inTheWay } from '../support/in-the-way.ts';
import type { Identity, Repo } from '../support/repo.ts';
import { makeRepo, until } from '../support/repo.ts';
import type { Slurm } from '../support/slurm.ts';
import { startSlurm } from '../support/slurm.ts';
import { edit, ITERATION, oneTask, SLURM_POLICY } from './experiment.ts';

const LIMIT = 300_000;
/** In the caller's environment, beside what launch.yaml passes and sets; the first three are printed by the job as well. */
const OWN = {
  LAB_API_KEY: 'plum-Kettle_91/äx+zz',
  DB_PASSWORD: 'quince harbour 7731',
  LAB_MODE_SECRET: 'medlar*orchard*55',
  LAB_NAME_TOKEN: 'damson-quay-2204',
  SLURM_LAB_TOKEN: 'sorrel-bridge-8817',
};
/** Printed by the job, in forms that are known, one of them broken by colours and one over several lines. */
const FORMS = { github: 'ghp_abcdefghij0123456789ABCDEFGHIJ', url: 'hunter22trout', key: 'MIIEvQIBADANBgkqhkiG9w0BAQEFAASC' };
const PRINTED = `\u001b[31mgh\u001b[0mp_${FORMS.github.slice(4)}
fetching https://bot:${FORMS.url}@host/x.git
-----BEGIN PRIVATE KEY-----
${FORMS.key}
-----END PRIVATE KEY-----
own: ${OWN.LAB_API_KEY} and ${OWN.DB_PASSWORD} and ${OWN.LAB_MODE_SECRET}
`;
const planted = [...Object.values(OWN), ...Object.values(FORMS)];
const shownIn = (text: string) => planted.filter((one) => text.includes(one));

const way = inTheWay();
const CLIENTS = ['sbatch', 'squeue', 'sacct', 'scontrol', 'scancel', 'sinfo', 'sacctmgr', 'sshare'];
let slurm: Slurm;
let repo: Repo;
/** The account, with all that in its environment, and in no command line. */
let caller: Identity;
/** What our program says to its standard error, in which its log is. */
let log: string;
beforeAll(async () => {
  slurm = await startSlurm({ eager: true }, way.folder);
  for (const name of CLIENTS) way.put(name, 'printf "%s " "$0" "$@" >>"$way/asked"; exec "$real" "$@"');
  const environment = join(slurm.folder, 'environment');
  log = `${environment}.log`;
  writeFileSync(
    environment,
    ['AUTOLAB_LOG=trace', 'LAB_NAME=birch', ...Object.entries(OWN).map(([name, value]) => `${name}='${value}'`)]
      .map((line) => `export ${line}\n`)
      .join(''),
  );
  writeFileSync(join(slurm.folder, 'printed'), PRINTED);
  writeFileSync(log, '');
  slurm.identity.own(log);
  const [first, ...rest] = slurm.identity.as([
    ...['sh', '-c', '. "$0"; exec "$@" 2>>"$0.log"', environment],
    ...slurm.identity.words.slice(-2),
  ]);
  caller = { ...slurm.identity, words: [first, ...rest] };
  repo = await makeRepo(
    SLURM_POLICY,
    (path) => {
      oneTask(path, `env | sort; cat ${join(slurm.folder, 'printed')}; while [ ! -e runs/../end ]; do sleep 0.1; done`);
      edit(join(path, ITERATION, 'launch', 'launch.yaml'), (text) =>
        text.replace(/^environment:.*$/m, 'environment: { pass: [PATH, LAB_NAME], set: { LAB_MODE: fast } }'),
      );
    },
    caller,
  );
}, LIMIT);
afterAll(async () => {
  await repo?.cleanup();
  await slurm?.close();
  way.remove();
}, LIMIT);

/** The command lines of every process of this machine, again and again; `stop` gives those that show something, and how many were ours. */
function watchProcesses(): () => Promise<{ showing: string[]; ours: number }> {
  let isOver = false;
  const showing = new Set<string>();
  const ours = new Set<string>();
  const looked = (async () => {
    while (!isOver) {
      for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
        const line = commandLine(pid);
        if (shownIn(line).length > 0) showing.add(line);
        if (line.includes('main.mjs')) ours.add(pid);
      }
      await new Promise((done) => setTimeout(done, 20));
    }
  })();
  return async () => {
    isOver = true;
    await looked;
    return { showing: [...showing], ours: ours.size };
  };
}

function commandLine(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');
  } catch {
    return '';
  }
}

function filesBelow(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .map((name) => join(folder, name))
    .filter((path) => statSync(path, { throwIfNoEntry: false })?.isFile());
}

const readIf = (path: string) => (existsSync(path) ? readFileSync(path, 'utf8') : '');

const inside = (text: string) => {
  expect([text.slice(0, 200), shownIn(text)]).toEqual([text.slice(0, 200), []]);
  return text;
};

/** Every call an agent would make, and some that go wrong; none shows anything. */
async function asAgent(agent: Agent): Promise<(name: string, args?: Record<string, unknown>) => Promise<ToolAnswer>> {
  const call = async (name: string, args: Record<string, unknown> = {}) => {
    const answer = await agent.call(name, args);
    inside(JSON.stringify(answer));
    return answer;
  };
  for (const name of ['check_setup', 'list_runs', 'verify_stage']) await call(name);
  await call('check_setup', { detail: 'site' });
  await call('explain_policy', { tool: 'submit_run' });
  await call('submit_run', { dry_run: true });
  await call('submit_run', { nothing: OWN.LAB_API_KEY });
  await call('read_log', { run_id: OWN.DB_PASSWORD });
  return call;
}

test('what is planted is in no answer, no file of ours, no listing of Slurm’s and no command line', {
  timeout: LIMIT,
}, async () => {
  const stop = watchProcesses();
  let output = '';
  const [modern, legacy] = [await modernAgent(repo.path, caller), await legacyAgent(repo.path, caller)];
  try {
    const [call, other] = [await asAgent(modern), await asAgent(legacy)];
    const { structuredContent } = await call('submit_run');
    const { job_id: job = '', run_id = '' } = structuredContent as { job_id?: string; run_id?: string };
    expect(job).toMatch(/^\d+$/);
    output = join(repo.iteration, 'runs', run_id, 'logs', 'main.0.out');
    await until('it has printed', async () => (shownIn(readIf(output)).length > 0 ? true : undefined));

    for (const who of [slurm.run, async (...words: [string, ...string[]]) => ({ stdout: await slurm.admin(...words) })]) {
      expect(inside((await who('squeue', '-o', '%all', '-j', job)).stdout)).toContain(run_id.toLowerCase());
      expect(inside((await who('scontrol', 'show', 'job', '-dd', job)).stdout)).toContain(`JobId=${job}`);
      expect(inside((await who('scontrol', 'write', 'batch_script', job, '-')).stdout)).toContain('al_claim');
      await until('accounting has heard', async () =>
        inside((await who('sacct', '-P', '-o', 'ALL', '-j', job)).stdout).includes(run_id.toLowerCase()) ? true : undefined,
      );
    }
    await call('monitor_runs');
    writeFileSync(join(repo.iteration, 'end'), '');
    await until('it is over', async () => ((await call('monitor_runs')).structuredContent?.all_over === true ? true : undefined));
    for (const one of [call, other]) {
      for (const name of ['list_runs', 'sync_artifacts', 'extract_results', 'cancel_run', 'retry_tasks', 'verify_ledger'])
        await one(name, { run_id });
      const { text } = await one('read_log', { run_id });
      for (const word of ['LAB_NAME=birch', 'LAB_MODE=fast', '[token]', '[private key]', '[value of LAB_API_KEY]'])
        expect(text).toContain(word);
      // Nothing else of the caller's environment went along.
      for (const name of Object.keys(OWN)) expect(text).not.toContain(`${name}=`);
      for (const search of [OWN.LAB_API_KEY, FORMS.github, FORMS.key]) await one('read_log', { run_id, search });
    }
    for (const args of [
      ['audit', 'show', '--json'],
      ['audit', 'verify'],
      ['logs', run_id],
      ['runs', run_id, '--json'],
    ])
      inside((await repo.autolab(...args)).stdout);
  } finally {
    await modern.close();
    await legacy.close();
  }
  const { showing, ours } = await stop();
  expect(showing).toEqual([]);
  expect(ours).toBeGreaterThan(3);
  expect(inside(readFileSync(join(way.folder, 'asked'), 'utf8'))).toContain('sbatch');
  inside(readFileSync(log, 'utf8'));
  const { state_folder } = await repo.json<{ state_folder: string }>('init');
  // What a snapshot shows of a run's folder is the folder itself.
  const files = new Set([repo.path, state_folder].flatMap(filesBelow).map((path) => realpathSync(path)));
  expect(files.size).toBeGreaterThan(20);
  // The output that the job wrote itself.
  expect([...files].filter((path) => shownIn(readFileSync(path, 'utf8')).length > 0)).toEqual([output]);
});
