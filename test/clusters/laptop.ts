import { execFileSync } from 'node:child_process';
import { chmodSync, cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Networks } from '../support/networks.ts';
import { makeNetworks } from '../support/networks.ts';
import type { Identity, Repo } from '../support/repo.ts';
import { makeRepo } from '../support/repo.ts';
import type { Slurm } from '../support/slurm.ts';
import { startSlurm } from '../support/slurm.ts';
import type { Sshd } from '../support/sshd.ts';
import { startSshd } from '../support/sshd.ts';
import { edit, ITERATION, oneTask, SLURM_POLICY } from './experiment.ts';

/** Who has the laptop: another account than the one at the site. */
const LAPTOP = 'autolab-laptop';
const PROGRAMS = ['sbatch', 'squeue', 'sacct', 'scontrol', 'scancel', 'sinfo', 'sacctmgr', 'sprio', 'sshare'];
const POLICY = SLURM_POLICY.replace('cancel: allow', 'cancel: allow, push: allow').replace('hour: 200 }', 'hour: 2000 }');

/** What each kind of run does, as lines of bash, and how often its tasks execute. */
export const KINDS = {
  plain: { lines: '', array: '', executions: [0] },
  // Its second task fails the first time.
  failing: {
    lines: '[ "$AUTOLAB_TASK_INDEX" = 0 ] || ! mkdir "@ONCE@/$AUTOLAB_RUN_ID" 2>/dev/null || exit 3\n',
    array: 'array: { indices: "0-1" }\n',
    executions: [0, 1, 1],
  },
  lasting: { lines: 'sleep 900\n', array: '', executions: [0] },
} as const;
export type Kind = keyof typeof KINDS;
export const kinds = ['plain', 'failing', 'lasting'] as const satisfies readonly Kind[];

/** One call of the command line, and what came of it. */
export type Call = { command: string; ms: number; exit: number; said: string };

/** A laptop in a network of its own, a login host with a Slurm in another, and nothing but a line between them. */
export type Laptop = {
  networks: Networks;
  slurm: Slurm;
  sshd: Sshd;
  repo: Repo;
  /** The folder of a run here, and there. */
  run(kind: Kind, id: string): { here: string; there: string };
  /** A line for each execution of a task: run and index. */
  executions(): string[];
  /** Every program of Slurm that was started at the login host. */
  programs(): string[];
  calls: Call[];
  /** One call, as a person makes it; its answer, where there is one. */
  ask<T>(...args: string[]): Promise<T | undefined>;
  close(): Promise<void>;
};

export async function startLaptop(): Promise<Laptop> {
  const open: (() => Promise<unknown> | void)[] = [];
  const close = async () => {
    for (const one of open.splice(0)) await one();
  };
  try {
    return await start(open, close);
  } catch (error) {
    await close();
    throw error;
  }
}

async function start(open: (() => Promise<unknown> | void)[], close: () => Promise<void>): Promise<Laptop> {
  const networks = await makeNetworks();
  open.unshift(networks.close);
  // As Slurm has it by default (slurm.conf(5), MinJobAge): for less long than the line may fail, "not found" would prove nothing.
  const slurm = await startSlurm({ minJobAge: 300 }, '', networks.into('far'));
  open.unshift(slurm.close);
  const there = join(slurm.folder, 'their project');
  const log = join(slurm.folder, 'executions');
  const [counted, started] = [join(slurm.folder, 'counted'), join(slurm.folder, 'started')];
  for (const folder of [there, counted, join(slurm.folder, 'once')]) mkdirSync(folder);
  for (const name of PROGRAMS)
    writeFileSync(join(counted, name), `#!/bin/sh\necho ${name} >>'${started}'\nexec /usr/bin/${name} "$@"\n`, { mode: 0o755 });
  slurm.identity.own(slurm.folder);
  const sshd = await startSshd(`SetEnv SLURM_CONF=${slurm.conf} PATH=${counted}:/usr/bin:/bin`, [slurm.user, LAPTOP], {
    through: networks.into('far'),
    address: networks.address.far,
  });
  open.unshift(sshd.close);
  const config = await sshd.configFor(LAPTOP, 'laptop');
  const desk = mkdtempSync('/tmp/autolab-laptop-');
  open.unshift(() => rmSync(desk, { recursive: true, force: true }));
  chmodSync(desk, 0o700);
  execFileSync('chown', [`${LAPTOP}:`, desk]);
  const way = `scheduler: slurm, transport: { ssh: { host: lab, config: "${config}" } }, root: "${there}"`;
  const repo = await makeRepo(
    POLICY,
    (path) => {
      prepare(path, log, join(slurm.folder, 'once'));
      writeFileSync(join(path, '.autolab', 'sites.yaml'), `schema_version: "1"\nsites: { far: { ${way} } }\n`);
    },
    onLaptop(networks, slurm.identity.words.slice(-2), desk),
  );
  open.unshift(repo.cleanup);
  const calls: Call[] = [];
  const linesOf = (file: string) => (existsSync(file) ? readFileSync(file, 'utf8').trim().split('\n') : []);
  return {
    networks,
    slurm,
    sshd,
    repo,
    run: (kind, id) => {
      const path = join('experiments', 'plan', kind, 'runs', id);
      return { here: join(repo.path, path), there: join(there, path) };
    },
    executions: () => linesOf(log),
    programs: () => linesOf(started),
    calls,
    ask: async <T>(...args: string[]) => {
      const began = performance.now();
      const { exit, stdout, stderr } = await repo.autolab(...args, '--json');
      calls.push({ command: args[0] ?? '', ms: performance.now() - began, exit, said: stdout + stderr });
      return stdout === '' ? undefined : (JSON.parse(stdout) as T);
    },
    close,
  };
}

/** The laptop's account, in a network where there is nothing but the line to the login host. */
function onLaptop(networks: Networks, program: readonly string[], folder: string): Identity {
  const who = [`HOME=/home/${LAPTOP}`, `USER=${LAPTOP}`, `LOGNAME=${LAPTOP}`, `PATH=${process.env.PATH}`];
  const [first, ...rest] = networks.into('near');
  const as = (words: readonly string[]): [string, ...string[]] => [
    first,
    ...rest,
    ...['runuser', '-u', LAPTOP, '--', 'env', '-i', ...who],
    ...words,
  ];
  return { words: as(program), as, folder, own: (path) => void execFileSync('chown', ['-R', `${LAPTOP}:`, path]) };
}

/** An iteration for each kind of run in place of the example's one. */
function prepare(path: string, log: string, once: string): void {
  oneTask(path, '@LINES@');
  const from = join(path, ITERATION);
  edit(join(from, 'launch', 'launch.yaml'), (text) => text.replace(/^logs:.*\n/m, ''));
  for (const kind of kinds) {
    const { lines, array } = KINDS[kind];
    const to = join(from, '..', kind);
    cpSync(from, to, { recursive: true });
    const body = [
      `echo "$AUTOLAB_RUN_ID \${AUTOLAB_TASK_INDEX:-0}" >>'${log}'`,
      `${lines.replace('@ONCE@', once)}mkdir -p "runs/$AUTOLAB_RUN_ID/data"`,
      'head -c 1000000 /dev/urandom >"runs/$AUTOLAB_RUN_ID/data/a ${AUTOLAB_TASK_INDEX:-0}.bin"',
    ].join('\n');
    edit(join(to, 'launch', 'run_slurm.sbatch'), (text) =>
      text
        .replace('@LINES@', () => body)
        .replace('--mem=1G', '--mem=100M')
        .replace('--time=00:05:00', '--time=00:30:00'),
    );
    edit(join(to, 'launch', 'launch.yaml'), (text) => `${text}${array}artifacts: { expect: [{ file: "data/a 0.bin" }] }\n`);
    edit(join(to, 'design.yaml'), (text) =>
      text
        .replace('iteration_id: penguins-softmax', `iteration_id: ${kind}`)
        .replace('"1GB"', '"100MB"')
        .replace('"00:05:00"', '"00:30:00"'),
    );
    edit(join(to, 'review_result.json'), (text) => text.replaceAll('penguins-softmax', kind));
  }
  rmSync(from, { recursive: true });
  edit(join(path, '.autolab', 'state.json'), (text) => text.replaceAll('penguins-softmax', 'plain'));
}
