import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { userFolder } from '../../src/runs/home.ts';
import type { Place } from '../support/cut.mjs';
import { countingFiles, failingFiles } from '../support/cut.mjs';
import { until } from '../support/repo.ts';
import { filesOf, litter, lost } from './cell-files.ts';
import { smallDisk } from './small-disk.ts';
import type { Cell, Said, Stage, World } from './world.ts';
import { sealDigest } from './world.ts';

/** An operation that writes: from where it begins, what is called, and what is true of the cell once it is whole. */
export type Operation = {
  stage: Stage | 'bare';
  before?(cell: Cell): Promise<void>;
  args(cell: Cell, world: World): Promise<string[]>;
  /** Undefined: it is whole. Else what is missing. */
  whole(cell: Cell, world: World): Promise<string | undefined>;
};

/** What puts something on a disk. */
export const WRITES = ['write', 'pwrite64', 'openat', 'fsync', 'fdatasync', 'rename', 'link', 'mkdir'];

const executions = (cell: Cell, name: string) => {
  const path = join(cell.repo, 'experiments', 'plan', name, 'executions.log');
  return existsSync(path) ? readFileSync(path, 'utf8').trim().split('\n').length : 0;
};
const stateOf = (cell: Cell, name: string, id: string) => {
  const path = join(cell.repo, 'experiments', 'plan', name, 'runs', id, 'run_manifest.json');
  return (JSON.parse(readFileSync(path, 'utf8')) as { status: string }).status;
};
const runOf = (cell: Cell, name: string) => {
  const [id, ...more] = readdirSync(join(cell.repo, 'experiments', 'plan', name, 'runs'));
  if (id === undefined || more.length > 0) throw new Error(`${more.length + 1} runs of ${name}`);
  return id;
};
const expected = (what: string, found: unknown, wanted: unknown) =>
  found === wanted ? undefined : `${what}: ${found}, not ${wanted}`;

/** Looks until nothing is waited for. */
async function over(cell: Cell): Promise<void> {
  await until(
    'nothing is waited for',
    async () => {
      const said = await cell.run(['monitor']);
      if (said.exit !== 0) throw new Error(said.text);
      return said.text.includes('Nothing is waited for') || undefined;
    },
    90,
  );
}

const manifestOf = ({ ids }: World) => `experiments/plan/open/runs/${ids.open}/run_manifest.json`;

export const OPERATIONS: Record<string, Operation> = {
  submit: {
    stage: 'begun',
    args: async () => ['submit', '--iteration', 'fresh'],
    whole: async (cell) => {
      await over(cell);
      return (
        expected('executions', executions(cell, 'fresh'), 1) ??
        expected('state', stateOf(cell, 'fresh', runOf(cell, 'fresh')), 'running')
      );
    },
  },
  monitor: {
    stage: 'begun',
    args: async () => ['monitor'],
    whole: async (cell, { ids }) =>
      expected('open', stateOf(cell, 'open', ids.open), 'running') ??
      expected('other', stateOf(cell, 'other', ids.other), 'running'),
  },
  sync: {
    stage: 'looked',
    args: async (_cell, { ids }) => ['sync', ids.open],
    whole: async (cell, { ids }) => expected('state', stateOf(cell, 'open', ids.open), 'synced'),
  },
  extract: {
    stage: 'synced',
    args: async (_cell, { ids }) => ['extract', ids.open],
    whole: async (cell, { ids }) => expected('state', stateOf(cell, 'open', ids.open), 'completed'),
  },
  retry: {
    stage: 'looked',
    args: async (_cell, { ids }) => ['retry', ids.failed],
    whole: async (cell, { ids }) => {
      await over(cell);
      return (
        expected('executions', executions(cell, 'failed'), 2) ?? expected('state', stateOf(cell, 'failed', ids.failed), 'running')
      );
    },
  },
  cancel: {
    stage: 'begun',
    before: async (cell) => {
      const said = await cell.run(['submit', '--iteration', 'slow']);
      if (said.exit !== 0) throw new Error(said.text);
    },
    args: async (cell) => ['cancel', runOf(cell, 'slow')],
    whole: async (cell) => {
      await over(cell);
      return expected('state', stateOf(cell, 'slow', runOf(cell, 'slow')), 'failed');
    },
  },
  'slurm-job-list append': {
    stage: 'looked',
    before: async (cell) => void (await cell.run(['slurm-job-list', 'verify', '--manifest', 'none', '--doc', 'none'])),
    args: async (_cell, world) => ['slurm-job-list', 'append', '--manifest', manifestOf(world), '--doc', 'docs/others.md'],
    whole: async (cell, world) => {
      const said = await cell.run(['slurm-job-list', 'verify', '--manifest', manifestOf(world), '--doc', 'docs/others.md']);
      return said.exit === 0 ? undefined : said.text;
    },
  },
  'policy seal': {
    stage: 'begun',
    args: async (cell) => ['policy', 'seal', '--expect', await sealDigest(cell)],
    whole: async (cell) => {
      const said = await cell.run(['doctor']);
      return said.text.includes('the policy is not sealed') ? 'it is not sealed' : undefined;
    },
  },
  init: {
    stage: 'bare',
    args: async () => ['init', 'first'],
    whole: async (cell) => {
      const said = await cell.run(['init', 'first']);
      return said.exit === 0 && !said.text.includes('made ') ? undefined : said.text;
    },
  },
};

export type Fault = { place: Place; errno: string };

/** The places of an operation where it touches files of the repository or of this user, counted in an undisturbed run of it. */
export async function placesOf(world: World, name: string): Promise<Place[]> {
  const { operation, cell, args } = await begin(world, name);
  const log = join(cell.repo, '..', 'calls');
  const said = await cell.run(args, countingFiles(log, WRITES));
  if (said.exit !== 0) throw new Error(`${name}: ${said.text}`);
  const why = await operation.whole(cell, world);
  if (why !== undefined) throw new Error(`${name}, undisturbed: ${why}`);
  const places = placesAt(readFileSync(log, 'utf8'), [world.path, userFolder()]);
  await end(cell);
  return places;
}

function placesAt(text: string, folders: readonly string[]): Place[] {
  const seen = new Map<string, number>();
  return text.split('\n').flatMap((line) => {
    const call = /^([a-z0-9_]+)\(/.exec(line)?.[1];
    if (call === undefined) return [];
    const nth = (seen.get(call) ?? 0) + 1;
    seen.set(call, nth);
    return isWrite(line, folders) && !line.includes('EEXIST') ? [{ call, nth }] : [];
  });
}

/**
 * Whether a call of strace's log puts something into one of the folders: where the process was, which stands beside the path, does not count, nor
 * does a file that is only opened to be read.
 */
function isWrite(line: string, folders: readonly string[]): boolean {
  const call = line.replace(/AT_FDCWD<[^>]*>/g, '');
  return folders.some((folder) => call.includes(folder)) && (!call.startsWith('openat(') || call.includes('O_CREAT'));
}

async function begin(world: World, name: string) {
  const operation = OPERATIONS[name];
  if (!operation) throw new Error(name);
  const cell = operation.stage === 'bare' ? world.bare() : await world.cell(operation.stage);
  await operation.before?.(cell);
  return { operation, cell, args: await operation.args(cell, world) };
}

async function end(cell: Cell, unmount: () => void = () => {}): Promise<void> {
  if (existsSync(join(cell.repo, 'experiments', 'plan', 'slow', 'runs'))) await cell.run(['cancel', runOf(cell, 'slow')]);
  unmount();
  cell.remove();
}

export type Trial = { first: Said; met?: string | undefined; outcome: string };

/** One fault in one operation, and the same call again without it. `whole` as outcome, or what was wrong. */
export async function withFault(world: World, name: string, { place, errno }: Fault): Promise<Trial> {
  const { operation, cell, args } = await begin(world, name);
  try {
    const before = filesOf(cell);
    const log = join(cell.repo, '..', 'met');
    const first = await cell.run(args, failingFiles(log, place.call, errno === 'short' ? 0 : errno, place.nth));
    const met = readFileSync(log, 'utf8')
      .split('\n')
      .find((line) => line.includes('(INJECTED)'));
    const isOurs = met !== undefined && isWrite(met, [world.path, userFolder()]);
    // What is before it in the program differs a little from time to time, so that it may meet a pipe, or a file that is read.
    if (!isOurs) return { first, met, outcome: 'elsewhere' };
    const faults = [...lost(before, filesOf(cell)), ...wording(first)];
    faults.push(...(await afterwards(world, { operation, cell, args }, first, errno !== 'short')));
    return { first, met, outcome: faults.length === 0 ? 'whole' : faults.join('\n') };
  } catch (error) {
    return { first: { exit: -1, text: '', hung: false }, outcome: String(error) };
  } finally {
    await end(cell);
  }
}

/** What is wrong after the same call again, now that nothing is refused any more. */
async function afterwards(
  world: World,
  { operation, cell, args }: Awaited<ReturnType<typeof begin>>,
  first: Said,
  isWholeOnce: boolean,
): Promise<string[]> {
  const faults: string[] = [];
  // Done, and what could not be done beside it told: the same call, or a look, is then what goes on.
  const isDone = first.exit === 0 && !TOLD.test(first.text);
  if (isDone && isWholeOnce) {
    const missing = await operation.whole(cell, world);
    if (missing !== undefined) faults.push(`exit 0, nothing told, and ${missing}`);
  }
  const again = isDone ? first : await until('the call is answered', () => answered(cell, args), 60);
  if (operation.stage !== 'bare') await cell.run(['monitor']);
  // What may be done once only says so the second time.
  if (first.exit !== 0 && again.exit !== 0) faults.push(`first: ${first.text}\nagain: exit ${again.exit}: ${again.text}`);
  const why = await operation.whole(cell, world);
  if (why !== undefined) faults.push(`in the end: ${why}`);
  faults.push(...litter(cell));
  if (operation.stage !== 'bare') {
    const audit = await cell.run(['audit', 'verify']);
    if (audit.exit !== 0) faults.push(`audit verify: ${audit.text}`);
  }
  return faults;
}

/** One operation while a real disk, that of the repository or that of this user, has room for so many KiB or none, and the same call again once it has more. */
export async function whenFull(world: World, name: string, part: 'repo' | 'state', room: number | 'read only'): Promise<Trial> {
  const { operation, cell, args } = await begin(world, name);
  const disk = smallDisk(cell[part], room);
  try {
    const before = filesOf(cell);
    const first = await cell.run(args);
    const faults = [...lost(before, filesOf(cell)), ...wording(first)];
    disk.makeRoom();
    faults.push(...(await afterwards(world, { operation, cell, args }, first, true)));
    return { first, outcome: faults.length === 0 ? 'whole' : `${faults.join('\n')}\nfirst: ${first.exit} ${first.text}` };
  } catch (error) {
    return { first: { exit: -1, text: '', hung: false }, outcome: String(error) };
  } finally {
    await end(cell, disk.remove);
  }
}

/** Two answers of trying again: done, or what the third call still says. */
async function answered(cell: Cell, args: string[]): Promise<Said | undefined> {
  let said = await cell.run(args);
  for (let turn = 0; said.exit !== 0 && turn < 2; turn++) said = await cell.run(args);
  return said;
}

/** The words that a refusal of a disk is told in. */
const TOLD = /cannot (?:write|read|\w+) .*(?:disk|quota|file system)/;

function wording({ exit, text, hung }: Said): string[] {
  if (hung) return ['it hung'];
  if (/\n {4}at |internal/.test(text)) return [`a defect: ${text}`];
  if (exit === 0) return [];
  if (exit !== 1) return [`exit ${exit}: ${text}`];
  const isNamed = /\/(?:repo|autolab)\//.test(text) && /disk|quota|file system/.test(text) && /next: /.test(text);
  return isNamed ? [] : [`it does not say which file, why, and what to do: ${text}`];
}
