import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { noteName } from '../../src/runs/resume/user.ts';
import { asking } from '../support/asking.ts';
import type { FarTiny } from '../support/far.ts';
import { makeFar, sitesFile, withoutBatch } from '../support/far.ts';
import { killSubmits } from '../support/killed-submits.ts';
import type { Link } from '../support/link.ts';
import { startLink } from '../support/link.ts';
import { until } from '../support/repo.ts';
import type { Slurm } from '../support/slurm.ts';
import { startSlurm } from '../support/slurm.ts';
import type { Sshd } from '../support/sshd.ts';
import { startSshd } from '../support/sshd.ts';
import { forgetTemplate } from '../support/tiny.ts';

const LIMIT = 600_000;
let slurm: Slurm;
let sshd: Sshd;
let link: Link;
let config = '';
let tiny: FarTiny;
const { answered } = asking(() => tiny);

beforeAll(async () => {
  slurm = await startSlurm();
  sshd = await startSshd(`SetEnv SLURM_CONF=${slurm.conf}`);
  link = await startLink(sshd.port);
  config = await sshd.configFor('root', 'line');
  const known = readFileSync(join(sshd.state, 'known_hosts'), 'utf8').replace(`:${sshd.port} `, `:${link.port} `);
  writeFileSync(join(sshd.state, 'known-line'), known);
  const changed = readFileSync(config, 'utf8')
    .replace(/Port .*/, `Port ${link.port}`)
    .replace(/known_hosts$/m, 'known-line');
  writeFileSync(config, changed);
}, LIMIT);
afterEach(() => tiny?.remove());
afterAll(async () => {
  await link?.close();
  await sshd?.close();
  await slurm?.close();
  await forgetTemplate();
}, LIMIT);

const SCRIPT = (bytes: number, waits = '') => `#!/bin/sh
#SBATCH --time=00:02:00
echo "$AUTOLAB_RUN_ID" >>runs/../executions.log
echo "it says $(cat ../../../lib.txt) as $(id -un), $HOME and $LAPTOP, $PATH"
${waits}mkdir -p "runs/$AUTOLAB_RUN_ID/data"
head -c ${bytes} /dev/urandom >"runs/$AUTOLAB_RUN_ID/data/a b.bin"
exit 0
`;

/** The tiny experiment on a laptop, whose site is the Slurm behind the login host, with a project folder of its own there. */
async function laptop(script: string): Promise<void> {
  tiny = await makeFar((path) => {
    const launch = join(path, 'experiments', 'plan', 'tiny', 'launch');
    writeFileSync(join(launch, 'run_slurm.sbatch'), script, { mode: 0o755 });
    writeFileSync(
      join(launch, 'launch.yaml'),
      'schema_version: "1"\nsite: far\nresources: { cpus: 1, memory: 50MB }\nenvironment: { pass: [PATH, HOME, LAPTOP] }\nartifacts: { expect: [{ file: "data/a b.bin" }] }\n',
    );
    const design = join(path, 'experiments', 'plan', 'tiny', 'design.yaml');
    writeFileSync(design, readFileSync(design, 'utf8').replace('location: local', 'location: slurm'));
    writeFileSync(join(path, 'lib.txt'), 'lib\n');
  });
  writeFileSync(
    sitesFile(tiny.path),
    `schema_version: "1"\nsites: { far: { scheduler: slurm, transport: { ssh: { host: lab, config: "${config}" } }, root: "${tiny.there}" } }\n`,
  );
  mkdirSync(tiny.there, { recursive: true });
  chmodSync(join(tiny.there, '..'), 0o755);
  execFileSync('chown', [`${slurm.user}:`, tiny.there]);
}

/** Looks until nothing is waited for, whatever is in the way meanwhile. */
const over = () =>
  until('it is over', async () => ((await answered<{ all_over: boolean }>('monitor')).all_over ? true : undefined), 180);

test(
  'from a laptop to metrics-ready artifacts on a cluster that shares no files with it, over one login',
  async () => {
    await laptop(SCRIPT(300_000));
    const before = sshd.logins();
    const elsewhere = { env: { LAPTOP: 'a,b c', PATH: `/laptop/bin:${process.env.PATH}` } };
    const { run_id } = JSON.parse((await tiny.run(['submit', '--json'], elsewhere)).stdout) as { run_id: string };
    await over();
    expect(tiny.lines('executions.log')).toEqual([run_id]);
    const { log_text } = await answered<{ log_text: string }>('logs', run_id);
    // What means something on the laptop alone stays there.
    expect(log_text).toMatch(new RegExp(`it says lib as ${slurm.user}, /home/${slurm.user} and a,b c, /`));
    expect(log_text).not.toContain('/laptop/bin');
    expect(await answered('sync', run_id)).toMatchObject({ sync: 'ok', missing: [] });
    const file = join('experiments', 'plan', 'tiny', 'runs', run_id, 'data', 'a b.bin');
    expect(readFileSync(join(tiny.path, file)).equals(readFileSync(join(tiny.there, file)))).toBe(true);
    expect(await answered('stage', 'far')).toMatchObject({ staged: true });
    type Found = { findings: { code: string; severity: string; what: string }[] };
    const ground = async () => (await answered<Found>('doctor')).findings.filter(({ code }) => code === 'site_files');
    expect(await ground()).toMatchObject([{ severity: 'ok', what: `site far has files of its own: ${tiny.there}` }]);
    const its = readFileSync(sitesFile(tiny.path), 'utf8');
    writeFileSync(sitesFile(tiny.path), its.replace(/root: "[^"]*"/, 'root: /root/project'));
    expect(await ground()).toMatchObject([{ severity: 'error', what: 'site far: /root/project cannot be written there' }]);
    // The account there does not see what lies here.
    writeFileSync(sitesFile(tiny.path), its.replace(/, root: "[^"]*"/, ''));
    chmodSync(tiny.path, 0o700);
    expect(await ground()).toMatchObject([
      { severity: 'error', what: expect.stringContaining('site far does not see this repository') },
    ]);
    // Every command, copy and look of all these calls went over the same connection.
    expect(sshd.logins() - before).toBeLessThanOrEqual(1);
  },
  LIMIT,
);

test(
  'a remote profile of Autolab that carries code is enough: its code is brought into its folder, and no git is asked there',
  async () => {
    await laptop(SCRIPT(10));
    rmSync(sitesFile(tiny.path));
    const text = `{ login_host: lab, remote_repo_root: "${tiny.there}", env: { cache_vars: { LAPTOP: "{remote_repo_root}/c" } } }`;
    writeFileSync(join(tiny.path, '.autolab', 'remote_profiles.yaml'), `default_profile: c\nprofiles:\n  c: ${text}\n`);
    const policy = join(tiny.path, '.autolab', 'verifier_policy.yaml');
    writeFileSync(policy, readFileSync(policy, 'utf8').replace('sites: [far,', 'sites: [slurm,'));
    const own = join(tiny.path, 'experiments', 'plan', 'tiny', 'launch', 'launch.yaml');
    writeFileSync(own, readFileSync(own, 'utf8').replace(/^(?:site|environment): .*\n/gm, ''));
    const bin = withoutBatch(tiny);
    // The configuration that an account has without saying so.
    rmSync(join(bin, 'ssh'));
    writeFileSync(join(bin, 'ssh'), `#!/bin/sh\nexec /usr/bin/ssh -F "${config}" "$@"\n`, { mode: 0o755 });
    const run = async (...args: string[]) => {
      const { stdout, stderr } = await tiny.run([...args, '--json'], { env: { PATH: bin } });
      if (stdout === '') throw new Error(stderr);
      return JSON.parse(stdout) as { run_id: string; all_over?: boolean; log_text?: string; sync?: string };
    };
    const { run_id } = await run('submit');
    await until('it is over', async () => (await run('monitor')).all_over || undefined, 180);
    expect((await run('logs', run_id)).log_text).toContain(`and ${tiny.there}/c, `);
    expect((await run('sync', run_id)).sync).toBe('ok');
    expect(tiny.lines('executions.log')).toEqual([run_id]);
    expect(existsSync(join(tiny.there, '.git'))).toBe(false);
  },
  LIMIT,
);

test(
  'a workspace there is gone on with from the laptop, and not while the job that has its lock runs',
  async () => {
    const waits = '[ "$AUTOLAB_START" = resume ] || while [ ! -e runs/../go ]; do sleep 0.2; done\n';
    const lock = 'exec 9>>outputs/lock; flock 9; echo "{\\"job_id\\":\\"$SLURM_JOB_ID\\"}" >outputs/lock\n';
    await laptop(SCRIPT(10, `${lock}echo "$AUTOLAB_START" >>outputs/starts\n${waits}`));
    const own = join(tiny.path, 'experiments', 'plan', 'tiny');
    const resume = 'resume: { workspace: outputs, config: config.yaml, may_grow: [n], lock: outputs/lock }\n';
    writeFileSync(join(own, 'launch', 'launch.yaml'), `schema_version: "1"\nsite: far\n${resume}`);
    writeFileSync(join(own, 'config.yaml'), 'n: 1\n');
    const { job_id } = await answered<{ job_id: string }>('submit');
    await until('it runs', async () => tiny.lines('outputs/starts').length > 0 || undefined);
    const held = await tiny.run(['submit', '--again']);
    expect([held.exit, held.stderr]).toEqual([1, expect.stringMatching(/^lock_held: workspace outputs at far is locked/)]);
    expect(held.stderr).toContain(`job ${job_id}`);
    writeFileSync(join(tiny.iterationThere, 'go'), '');
    await over();
    writeFileSync(join(own, 'config.yaml'), 'n: 2\n');
    // Somebody of that account has worked there meanwhile, at the cluster itself.
    const workspace = join(tiny.iterationThere, 'outputs');
    const note = join('/home', slurm.user, '.local', 'state', 'autolab', 'workspaces', noteName(workspace));
    const ours = readFileSync(note, 'utf8');
    writeFileSync(note, ours.replace(/"run": "[^"]*"/, '"run": "theirs"'));
    expect((await tiny.run(['submit', '--again'])).stderr).toContain('run theirs of the repository');
    writeFileSync(note, ours);
    expect(await answered('submit', '--again', '--dry-run')).toMatchObject({ note: expect.stringContaining('n 1 → 2') });
    await answered('submit', '--again');
    await over();
    expect(tiny.lines('outputs/starts')).toEqual(['new', 'resume']);
  },
  LIMIT,
);

test(
  'with the line cut and restored at random, nothing is lost, nothing runs twice, and what is fetched is whole',
  async () => {
    const RUNS = 2;
    await laptop(SCRIPT(3_000_000, 'sleep 2\n'));
    let isOn = true;
    let cuts = 0;
    const cutting = (async () => {
      for (let seed = 7; isOn; seed = (seed * 16807) % 2147483647) {
        await sleep(1500 + (seed % 5000));
        link.cut();
        cuts++;
      }
    })();
    const ids = new Set<string>();
    for (let n = 0; n < RUNS; n++) {
      // The same call is made again until it says that the run is there; only then is another one asked for.
      let extra = n === 0 ? [] : ['--again'];
      const id = await until(
        `run ${n} is submitted`,
        async () => {
          const done = await tiny.run(['submit', ...extra, '--json']);
          if (done.stdout === '') return undefined;
          const out = JSON.parse(done.stdout) as { run_id: string; job_id: string | null; state: string };
          extra = [];
          return out.job_id !== null && out.state !== 'pending' ? out.run_id : undefined;
        },
        LIMIT / 1000 - 60,
      );
      ids.add(id);
      await over();
    }
    for (const id of ids)
      await until(
        `${id} is collected`,
        async () => {
          const done = await tiny.run(['sync', id, '--json']);
          return done.stdout !== '' && (JSON.parse(done.stdout) as { sync: string }).sync === 'ok' ? true : undefined;
        },
        LIMIT / 1000 - 60,
      );
    isOn = false;
    await cutting;
    expect(cuts).toBeGreaterThan(3);
    expect(ids.size).toBe(RUNS);
    expect(tiny.lines('executions.log').sort()).toEqual([...ids].sort());
    for (const id of ids) {
      const file = join('experiments', 'plan', 'tiny', 'runs', id, 'data', 'a b.bin');
      expect(readFileSync(join(tiny.path, file)).equals(readFileSync(join(tiny.there, file)))).toBe(true);
    }
    // One job of each run has run, and whatever else was accepted was cancelled before it could.
    const names = [...ids].map((id) => `al_${id.toLowerCase()}.`);
    const listed = await slurm.run('sacct', '-X', '-n', '-P', '-S', 'now-1hours', '-o', 'State,JobName');
    const jobs = listed.stdout.split('\n').filter((line) => names.some((name) => line.includes(name)));
    expect(jobs.filter((line) => line.startsWith('COMPLETED|')).length).toBe(RUNS);
    expect(jobs.filter((line) => !/^(?:COMPLETED|CANCELLED)/.test(line))).toEqual([]);
  },
  LIMIT,
);

test(
  'a submission over ssh, killed at every question, act and copy, runs once or was never begun',
  async () => {
    await laptop('#!/bin/sh\n#SBATCH --time=00:02:00\necho "$AUTOLAB_RUN_ID" >>runs/../executions.log\n');
    const launch = join(tiny.iteration, 'launch', 'launch.yaml');
    writeFileSync(launch, readFileSync(launch, 'utf8').replace(/^artifacts:.*$/m, ''));
    const killed = await killSubmits(
      {
        iteration: tiny.iteration,
        json: (...args) => answered(...args),
        executions: () => tiny.lines('executions.log'),
        submit: async (prefix, ...args) => {
          const { signal, stdout } = await tiny.run(['submit', '--json', ...args], { prefix: [...prefix] });
          return { killed: signal === 'SIGKILL', stdout };
        },
      },
      11,
      'some',
    );
    const begun = Object.values(killed).filter(({ begun: one }) => one);
    expect(Object.keys(killed).length).toBeGreaterThan(6);
    expect(begun.length).toBeGreaterThan(2);
    const right = (one: boolean) => ({ begun: one, executions: one ? 1 : 0 });
    expect(killed).toEqual(Object.fromEntries(Object.entries(killed).map(([place, { begun: one }]) => [place, right(one)])));
  },
  LIMIT,
);
