import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { run, until } from '../processes.mjs';
import { interleave, median, timed } from '../stats.mjs';
import { connect } from '../wire.mjs';

const GROUP = 'A submission, on the embedded runner';

/** The script of all three sides: it notes when it began. */
export function scriptOf(began) {
  return `#!/bin/sh\n#SBATCH --time=00:01:00\ndate +%s%N >'${began}'\n`;
}

/**
 * submit_run through a running server, the runner's own three commands by hand, and the script by hand, in turn. After each one the
 * repository is put back as it was, so that every submission is the first one.
 */
export async function submitRows({ main, inside, repository, folder, began, counts }) {
  const server = await connect([main, 'serve'], { cwd: repository.path });
  try {
    const hand = { folder: join(folder, 'raw'), root: join(folder, 'raw', 'runner') };
    mkdirSync(hand.folder);
    const script = join(repository.iteration, 'launch', 'run_local.sh');
    const words = JSON.stringify({ ...hand, script, name: 'al_bench.main.1.000000000000', id: '1' });
    const commands = JSON.parse(await run(process.execPath, [inside('runner'), words]));
    const byHand = ({ argv: [program, ...args], stdin }) => timed(() => run(program, args, { input: stdin, cwd: hand.folder }));
    await repository.reset();
    const note = join(repository.path, 'notes.md');
    const submit = async () => {
      const start = now();
      await server.call('submit_run');
      const answer = now() - start;
      return { answer, ...(await beganAfter(start, began)), ...(await repository.reset()) };
    };
    await server.call('submit_run', { dry_run: true });
    const seen = await interleave(counts.submits, {
      clean: submit,
      changed: async () => {
        writeFileSync(note, 'not committed\n');
        const took = await submit();
        rmSync(note);
        return took;
      },
      raw: async () => {
        const start = now();
        const parts = {};
        for (const verb of ['submit', 'spec', 'release']) parts[verb] = await byHand(commands[verb]);
        const answer = now() - start;
        const more = await beganAfter(start, began);
        await until('the job by hand is over', () => existsSync(join(hand.root, 'jobs', '1', 'over')) || undefined);
        for (const part of ['jobs', 'ids']) rmSync(join(hand.root, part, '1'), { recursive: true });
        return { ...parts, answer, ...more };
      },
      script: async () => {
        const start = now();
        await run('sh', [script], { cwd: repository.iteration });
        return beganAfter(start, began);
      },
      queue: () => byHand(commands.queue),
      login: () => timed(() => run('bash', ['-l', '-c', ':'], { cwd: hand.folder })),
      shell: () => timed(() => run('sh', ['-c', ':'], { cwd: hand.folder })),
    });
    const parts = JSON.parse(
      await run(process.execPath, [
        inside('parts'),
        JSON.stringify({ repo: repository.path, folder: hand.folder, times: counts.parts }),
      ]),
    );
    const started = await startedBy(main, repository, folder, began);
    return rowsOf(seen, parts, started);
  } finally {
    await server.close();
  }
}

const WAIT =
  'The library that runs git waits 50 ms whenever git has nothing to say, as `git status` has not where nothing changed; a submission reads the ' +
  'state of the code at each of its looks.';

function rowsOf(seen, parts, started) {
  const of = (side, key) => seen[side].map((one) => one[key]);
  const raw = { name: 'runner by hand: submit held, read back, release', values: of('raw', 'answer') };
  const sh = started.filter((one) => one.startsWith('sh')).length;
  const git = started.filter((one) => one.startsWith('git')).length;
  const row = (what, ours, name, values, compare, more = {}) => ({
    group: GROUP,
    unit: 'ms',
    what,
    ours,
    against: { name, values },
    compare,
    ...more,
  });
  const because =
    `one submission starts ${sh} commands of the runner and ${git} of git where three by hand do, since it also looks at the queue, has the job ` +
    'tested, looks its name up before and after the release, and reads the state of the code at each of its looks; what is left are files that ' +
    'are put on the disk before the world is changed.';
  const waits = median(parts.clean) > median(parts.changed) + 30;
  const budget = { of: 'difference', most: 40 };
  return [
    row('submit_run, call to answer: all is committed', of('clean', 'answer'), raw.name, raw.values, 'difference', {
      budget,
      because: waits ? `${because} ${WAIT}` : because,
      remark: `One submission starts, in this order: ${started.join(', ')}.`,
    }),
    row('submit_run, call to answer: a file is not committed', of('changed', 'answer'), raw.name, raw.values, 'difference', {
      budget,
      because,
    }),
    row(
      'submit_run, call until the script has begun',
      of('changed', 'began'),
      'sh script, until it has begun',
      of('script', 'began'),
      'difference',
      {
        remark:
          'The script by hand has no record, no limit, no look at the queue and nobody who notices its end: it is what starting costs at the least, ' +
          'and not the same service.',
      },
    ),
    row(
      'runner by hand until the script has begun',
      of('raw', 'began'),
      'sh script, until it has begun',
      of('script', 'began'),
      'difference',
    ),
    row('a login shell of this account, bash -l -c :', seen.login, 'sh -c :', seen.shell, 'difference', {
      remark:
        'Between the release and the script lies the login shell that every job is given, so that modules and the like are there; ' +
        'what it costs is up to the profile of the account.',
    }),
    row('one command of the runner (queue)', seen.queue, 'sh -c :', seen.shell, 'difference'),
    row('the state of the code, read once: all is committed', parts.clean, 'git status', parts.git, 'difference'),
    row('the state of the code, read once: a file is not committed', parts.changed, 'git status', parts.git, 'difference'),
    row('a small file replaced', parts.replace, 'one line appended and synced', parts.sync, 'ratio'),
    row('a lock taken and given back', parts.lock, 'one line appended and synced', parts.sync, 'ratio'),
  ];
}

/** The programs that one submission starts, told by stand-ins on PATH that go on with the real ones. Not timed. */
async function startedBy(main, repository, folder, began) {
  const shims = join(folder, 'shims');
  const log = join(folder, 'started');
  const shell = await where('sh');
  mkdirSync(shims);
  for (const [program, words] of Object.entries({ sh: '$1 $3', git: '$*' })) {
    const text = `#!${shell}\necho "${program} ${words}" >>'${log}'\nexec ${await where(program)} "$@"\n`;
    writeFileSync(join(shims, program), text, { mode: 0o755 });
  }
  const env = { ...process.env, PATH: `${shims}:${process.env.PATH}` };
  const server = await connect([main, 'serve'], { cwd: repository.path, env });
  try {
    await server.call('submit_run', { dry_run: true });
    writeFileSync(log, '');
    await server.call('submit_run');
    const lines = readFileSync(log, 'utf8').trim().split('\n');
    await beganAfter(0, began);
    await repository.reset();
    return lines.flatMap(shortly);
  } finally {
    await server.close();
  }
}

/** `sh -s -- poll …` is told as `sh poll`. What the runner starts by itself, its supervisors, is left out. */
function shortly(line) {
  const [program, ...words] = line.split(' ');
  if (program === 'sh') return words[0] === '-s' ? [`sh ${words[1]}`] : [];
  return [`git ${words.find((word) => /^[a-z]/.test(word))}`];
}

async function where(program) {
  return (await run('sh', ['-c', `command -v ${program}`])).trim();
}

async function beganAfter(start, began) {
  const text = await until('the script has begun', () => (existsSync(began) && readFileSync(began, 'utf8').trim()) || undefined);
  rmSync(began);
  return { began: Number(BigInt(text) / 1000n) / 1000 - start };
}

/** Milliseconds of the wall clock, which the script's own note is read against. */
function now() {
  return performance.timeOrigin + performance.now();
}
