import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { journalOf, movesOf } from '../support/artifacts.ts';
import { inTheWay } from '../support/in-the-way.ts';
import type { Repo } from '../support/repo.ts';
import { makeRepo, until } from '../support/repo.ts';
import type { Slurm } from '../support/slurm.ts';
import { startSlurm } from '../support/slurm.ts';
import { oneTask, SLURM_POLICY } from './experiment.ts';

const LIMIT = 400_000;
const way = inTheWay();
let slurm: Slurm;
let repo: Repo;
beforeAll(async () => {
  slurm = await startSlurm({ eager: true, minJobAge: 2 }, way.folder);
}, LIMIT);
afterEach(async () => {
  way.clear();
  await slurm.run('scancel', '-u', slurm.user);
  await repo?.cleanup();
});
afterAll(async () => {
  await slurm?.close();
  way.remove();
}, LIMIT);

type Submitted = { run_id: string; state: string; job_id: string };
type Told = {
  all_over: boolean;
  sites: { healthy: boolean | null; note: string | null }[];
  runs: { state: string; line: string }[];
  problems: string[];
};

const WAITS = 'echo ran >>runs/../ran; while [ ! -e runs/../end ]; do sleep 0.1; done';
/** The job script too, so that there is no marker. */
const DIES = `${WAITS}; echo dies >>runs/../ran; kill -9 0`;
const experiment = (lines = WAITS, change = (_path: string) => {}) =>
  makeRepo(
    SLURM_POLICY,
    (path) => {
      oneTask(path, lines);
      change(path);
    },
    slurm.identity,
  );
const told = () => repo.json<Told>('monitor');
/** A look that was made: the policy lets one be made every second. */
const look = () =>
  until('a look', async () => {
    const seen = await told();
    return seen.sites[0]?.healthy === null ? undefined : seen;
  });
const seenAs = (state: string) =>
  until(`it is ${state}`, async () => (await told()).runs.find((run) => run.state === state), 120);
const end = () => writeFileSync(join(repo.iteration, 'end'), '');
const ended = () => until('it is over', async () => ((await told()).all_over ? (await told()).runs : undefined), 120);
const folderOf = (run: string) => join(repo.iteration, 'runs', run);
const executions = () => {
  const path = join(repo.iteration, 'ran');
  return existsSync(path) ? readFileSync(path, 'utf8') : '';
};
const queued = async (job: string) => (await slurm.run('squeue', '-h', '-j', job, '-o', '%T')).stdout;

const DOWN = `case $1 in ping) echo 'Slurmctld(primary) at vm is DOWN'; exit 1 ;; esac; exec "$real" "$@"`;
/** The same clock that was ahead is right at the next look. */
const AHEAD = '[ "$*" = +%s ] || exec "$real" "$@"; echo $(($("$real" +%s) + 36000))';
/** What squeue may say of a job that runs, and whether the look is one. The run stays as it is with every one of them. */
const ANSWERS: [string, { squeue: string; scontrol?: string; date?: string }, boolean, RegExp?][] = [
  ['a header alone, and nobody is there', { squeue: 'echo JOBID PARTITION NAME', scontrol: DOWN }, false, /DOWN/],
  ['nothing, and nobody is there', { squeue: 'exit 0', scontrol: DOWN }, false, /DOWN/],
  ['nothing, although the controller answers', { squeue: 'exit 0' }, true],
  ['nothing, and its clock is ten hours ahead', { squeue: 'exit 0', date: AHEAD }, true],
  ['a row that is cut off', { squeue: '"$real" "$@" | head -c -20' }, false, /not whole/],
  ['its first figure alone', { squeue: '"$real" "$@" | head -c 1' }, false, /not whole/],
  [
    'two answers in one another',
    { squeue: 'one=$("$real" "$@"); printf "%s%s\\n%s\\n" "${one:0:40}" "$one" "${one:40}"' },
    false,
    /not whole/,
  ],
  ['every row twice', { squeue: '"$real" "$@"; "$real" "$@"' }, true],
  ['a banner before and behind', { squeue: 'echo "Maintenance on 12 May"; "$real" "$@"; echo "See the wiki"' }, true],
  ['carriage returns', { squeue: '"$real" "$@" | sed "s/$/\\r/"' }, true],
  ['bytes that are no text', { squeue: 'printf "\\377\\376\\n"; "$real" "$@"' }, true],
  ['a state that nobody knows', { squeue: '"$real" "$@" | sed s/RUNNING/DREAMING/' }, true],
  [
    'another account’s row under our name',
    { squeue: '"$real" "$@" | sed "s/RUNNING/COMPLETED/; s/autolab-user/somebody/"' },
    true,
  ],
  ['50 MB', { squeue: 'head -c 50000000 /dev/zero | tr "\\0" x' }, false],
  ['no end', { squeue: 'for turn in {1..4000}; do printf "%01000000d" 7 || exit 1; echo "$turn" >"$way/turns"; done' }, false],
];

test('whatever squeue says of a job that runs, it is followed on: no end is made up, and none is missed', {
  timeout: LIMIT,
}, async () => {
  repo = await experiment();
  const { run_id } = await repo.json<Submitted>('submit');
  await seenAs('running');
  const moves = movesOf(folderOf(run_id));
  for (const [what, { squeue, scontrol, date }, healthy, note] of ANSWERS) {
    way.put('squeue', squeue);
    if (date) way.put('date', date);
    if (scontrol) way.put('scontrol', scontrol);
    const seen = await look();
    expect({ what, healthy: seen.sites[0]?.healthy, states: seen.runs.map(({ state }) => state) }).toEqual({
      what,
      healthy,
      states: ['running'],
    });
    if (note) expect(seen.sites[0]?.note).toMatch(note);
    expect(movesOf(folderOf(run_id))).toEqual(moves);
    if (what === 'no end') expect(Number(readFileSync(join(way.folder, 'turns'), 'utf8'))).toBeLessThan(200);
    if (!healthy && note) {
      const refused = await repo.autolab('submit', '--again');
      expect({ what, exit: refused.exit }).toEqual({ what, exit: 1 });
      expect(refused.stderr).toMatch(/queue/);
    }
    way.clear();
  }
  expect((await look()).runs[0]?.line).toMatch(/running job/);
  end();
  await ended();
  expect(executions()).toBe('ran\n');
});

/** What sbatch says although it has given the job to Slurm. */
test.each([
  ['two different ids', 'echo 4711; exec "$real" "$@"'],
  ['nothing, and that all is well', '"$real" "$@" >/dev/null'],
  ['the id of another job of ours', '"$real" "$@" >/dev/null; cat "$way/other"'],
  ['the id of no job', '"$real" "$@" >/dev/null; echo 4711; echo "plugin: odd" >&2; exit 1'],
])(
  'sbatch answers with %s: it is one job of the right name, and no other is touched',
  { timeout: LIMIT },
  async (_what, lines) => {
    const { stdout: other } = await slurm.run('sbatch', '--parsable', '--hold', '--output=/dev/null', '--wrap=true');
    repo = await experiment('echo ran >>runs/../ran');
    writeFileSync(join(way.folder, 'other'), other);
    way.submission(lines);
    const { run_id, job_id } = await repo.json<Submitted>('submit');
    const intents = journalOf(folderOf(run_id)).filter(({ event }) => event === 'intent');
    expect(intents).toHaveLength(1);
    expect((await repo.json<Submitted>('submit')).job_id).toBe(job_id);
    expect([other, '4711']).not.toContain(job_id);
    await ended();
    expect(executions()).toBe('ran\n');
    expect(await queued(other)).toBe('PENDING');
  },
);

test('scancel that does nothing is found out, and one that complains of what it did is no trouble', {
  timeout: LIMIT,
}, async () => {
  repo = await experiment();
  const { run_id, job_id } = await repo.json<Submitted>('submit');
  await seenAs('running');
  way.put('scancel', 'exit 0');
  const first = await repo.autolab('cancel', run_id);
  expect(first.exit).toBe(1);
  expect(first.stderr).toMatch(new RegExp(`the queue still shows job ${job_id}[\\s\\S]*call again`));
  expect(await queued(job_id)).toBe('RUNNING');
  way.put('scancel', '"$real" "$@"; echo "scancel: error: Kill job error on job id: Unexpected message received" >&2; exit 1');
  expect(await repo.autolab('cancel', run_id)).toMatchObject({ exit: 0 });
  expect(await ended()).toMatchObject([{ state: 'failed' }]);
});

test('a release that says it was done and was not is told, and made up for at the next call', { timeout: LIMIT }, async () => {
  repo = await experiment('echo ran >>runs/../ran');
  way.put('scontrol', 'case $1 in release) exit 0 ;; esac; exec "$real" "$@"');
  expect((await repo.autolab('submit')).stdout).toMatch(
    /is still held although it was released[\s\S]*the next call goes on with it/,
  );
  way.put(
    'scontrol',
    'case $1 in release) "$real" "$@"; echo "Requested operation not permitted" >&2; exit 1 ;; esac; exec "$real" "$@"',
  );
  await repo.json<Submitted>('submit');
  await ended();
  expect(executions()).toBe('ran\n');
});

test('a job that has another name now is not ours: it is no evidence, and never cancelled', { timeout: LIMIT }, async () => {
  repo = await experiment();
  const { run_id, job_id } = await repo.json<Submitted>('submit');
  await seenAs('running');
  await slurm.run('scontrol', 'update', `JobId=${job_id}`, 'JobName=somebody-else');
  expect((await look()).runs).toMatchObject([
    { state: 'running', line: expect.stringContaining('in no record of the scheduler') },
  ]);
  await repo.autolab('cancel', run_id);
  expect(await queued(job_id)).toBe('RUNNING');
  end();
});

test('what Slurm refuses for good reserves nothing, and the next call can succeed', { timeout: LIMIT }, async () => {
  // Room for one: a run of one cpu for five minutes.
  const policy = SLURM_POLICY.replace('limits:\n', 'limits:\n    spend: { cpu_hours: { day: 0.1 } }\n');
  repo = await makeRepo(policy, (path) => oneTask(path, WAITS), slurm.identity);
  way.submission('exec "$real" --qos=never "$@"');
  const refused = await repo.autolab('submit');
  expect(refused.stdout).toMatch(/is failed[\s\S]*Invalid qos[\s\S]*submit again, with again: true/);
  way.clear();
  expect(await repo.autolab('submit', '--again')).toMatchObject({ exit: 0 });
  expect((await repo.autolab('submit', '--again')).stderr).toContain('limits.spend.cpu_hours.day');
  end();
  await ended();
  expect(executions()).toBe('ran\n');
});

test('accounting that hears of an end late makes nothing of a job that has left the queue', { timeout: LIMIT }, async () => {
  repo = await experiment(DIES);
  const { job_id } = await repo.json<Submitted>('submit');
  await seenAs('running');
  way.put('sacct', '[ -e "$way/heard" ] || exit 0; exec "$real" "$@"');
  end();
  await until(
    'it has left the queue',
    async () => ((await slurm.run('squeue', '-h', '-t', 'all', '-j', job_id)).stdout === '' ? true : undefined),
    120,
  );
  expect((await look()).runs).toMatchObject([{ state: 'running' }]);
  way.leave('heard');
  expect(await ended()).toMatchObject([{ state: 'failed' }]);
});

/** The controller is away for as long as a restart takes, just when this program was going to ask it, or had. */
async function restarted<T>(program: string, lines: string, call: () => Promise<T>): Promise<T> {
  const wait = ': >"$way/away"; for turn in {1..600}; do [ ! -e "$way/back" ] || break; sleep 0.1; done';
  const once = `[ ! -e "$way/away" ] || exec "$real" "$@"`;
  if (program === 'sbatch') way.submission(`${once}\n${lines.replace('WAIT', wait)}`);
  else way.put(program, `${once}\n${lines.replace('WAIT', wait)}`);
  const answer = call();
  await until('it is about to ask', async () => way.has('away') || undefined);
  await slurm.stop('slurmctld');
  await slurm.start('slurmctld');
  way.leave('back');
  const given = await answer;
  way.clear();
  return given;
}

test('a controller that is restarted within a submission, a look and a cancellation loses and doubles nothing', {
  timeout: LIMIT,
}, async () => {
  repo = await experiment();
  await restarted('sbatch', '"$real" "$@" >"$way/id"; WAIT; cat "$way/id"', () => repo.autolab('submit', '--json'));
  const { run_id, job_id } = await until('it is submitted', async () => {
    const now = await repo.json<Submitted>('submit');
    return now.job_id === null ? undefined : now;
  });
  await seenAs('running');
  const seen = await restarted('squeue', 'WAIT; exec "$real" "$@"', look);
  expect(seen.runs).toMatchObject([{ state: 'running' }]);
  await restarted('scancel', 'WAIT; exec "$real" "$@"', () => repo.autolab('cancel', run_id));
  expect(await repo.autolab('cancel', run_id)).toMatchObject({ exit: 0 });
  expect(await ended()).toMatchObject([{ state: 'failed', line: expect.stringContaining(`job ${job_id}`) }]);
  expect(executions()).toBe('ran\n');
});

test('a controller that comes back without its jobs: lost after healthy looks and the deadline, never done', {
  timeout: LIMIT,
}, async () => {
  repo = await experiment(DIES);
  await repo.json<Submitted>('submit');
  await seenAs('running');
  const state = join(dirname((await slurm.run('printenv', 'SLURM_CONF')).stdout), '..', 'state');
  await slurm.stop('slurmctld');
  end();
  await until('it has died', async () => executions().endsWith('dies\n') || undefined);
  for (const name of readdirSync(state)) rmSync(join(state, name), { recursive: true });
  await slurm.start('slurmctld');
  // What accounting makes of jobs that the controller has dropped differs: only the deadline is left.
  way.put('sacct', 'exit 0');
  // Two looks do not do, however late the second is, and three do not within ten minutes.
  for (let turn = 0; turn < 3; turn++)
    expect((await look()).runs).toMatchObject([{ state: 'running', line: expect.stringContaining('in no record') }]);
  way.put('date', '[ "$*" = +%s ] || exec "$real" "$@"; echo $(($("$real" +%s) + 700))');
  expect((await look()).runs).toMatchObject([{ state: 'failed', line: expect.stringContaining('lost') }]);
});
