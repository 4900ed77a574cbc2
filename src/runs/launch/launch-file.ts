import type { z } from 'zod';
import { Failure } from '../../base/errors.ts';
import { readText } from '../../base/files.ts';
import { clean } from '../../base/text.ts';
import type { Expectation } from '../artifacts/expectation.ts';
import { expectation } from '../artifacts/schema.ts';
import { placeOf, validate } from '../autolab/validate.ts';
import { type Path, type Positioned, readYaml } from '../autolab/yaml.ts';
import { type LaunchSubmits, submitsOf } from '../children/submits-schema.ts';
import type { Resume } from '../resume/schema.ts';
import { resumeOf } from '../resume/schema.ts';
import { taskIndices } from './array-indices.ts';
import { inLegs } from './launch-legs.ts';
import { launchSchema } from './launch-schema.ts';
import { memoryMb, walltimeSeconds } from './units.ts';

export type LaunchResources = {
  cpus: number | null;
  /** Processes side by side, over which the cpus are divided. */
  tasks: number | null;
  nodes: number | null;
  gpus: number | null;
  gpuType: string | null;
  /** MiB; 0 is the whole node, as Slurm has it. */
  memoryMb: number | null;
  walltimeSeconds: number | null;
  account: string | null;
  /** Several with commas between them. */
  partition: string | null;
  qos: string | null;
  /** Whole nodes, for nobody else's jobs. */
  exclusive: boolean | null;
  requeues: number | null;
  /** What the site calls things that its scheduler has no word of its own for. */
  names?: SiteNames;
};
export type SiteNames = { pe?: string; memory?: string; gpus?: string };
export type LaunchArray = { indices: readonly number[]; parallel: number | null };
export type LaunchStep = {
  name: string;
  /** From the folder of launch.yaml on. */
  script: string;
  args: readonly string[];
  /** What it does not say itself is the whole run's. */
  resources: LaunchResources;
  array: LaunchArray | null;
  /** What its script may submit by itself. */
  submits?: LaunchSubmits;
  /** Its first task runs alone, and the others when that has ended well. */
  canary: boolean;
  after: readonly { step: string; on: 'success' | 'any' | 'interrupted' }[];
};

/** launch/launch.yaml in normal units. Null is "not said", which leaves it to design.yaml or the site. */
export type LaunchFile = {
  site: string | null;
  resources: LaunchResources;
  array: LaunchArray | null;
  submits?: LaunchSubmits;
  /** In how many legs a run of one job is done at most; its steps have theirs already. */
  legs: number;
  /** The same of a run of one job. */
  canary: boolean;
  /** Other runs that must have ended first. */
  after: readonly { run: string; on: 'success' | 'any' | 'interrupted' }[];
  /** The jobs of a run that is several, each leg by itself; null for one. */
  steps: readonly LaunchStep[] | null;
  preflight: readonly (readonly [string, ...string[]])[];
  environment: {
    modules: readonly string[];
    setup: readonly string[];
    pass: readonly string[];
    set: Readonly<Record<string, string>>;
  };
  /** Whether a run executes from a snapshot of the code; null leaves it to whether there can be one. */
  code: 'snapshot' | 'live' | null;
  /** Patterns of files that a run reads, from the repository on. */
  inputs: readonly string[];
  logs: readonly string[];
  /** The log that the workload writes about itself; `{run_id}` stands for the run's. */
  events?: string;
  /** The workspace that the run goes on with; null where it has none. */
  resume: Resume | null;
  artifacts: { pull: readonly string[]; expect: readonly Expectation[] };
};

const STRICT = 'launch.yaml says what design.yaml cannot; its schema is closed';

/** The launch file of an iteration; all defaults where there is none. Throws `file_invalid`, `file_newer` or `unsupported`. */
export function readLaunchFile(path: string): LaunchFile {
  const text = readText(path);
  return text === undefined ? normalise({ schema_version: '1' }) : parseLaunchFile(text, path);
}

/** The same from text; `file` is only named in messages. */
export function parseLaunchFile(text: string, file: string): LaunchFile {
  const read = readYaml(text, file, 'own');
  refuseNewer(read);
  refuseUnsupported(read);
  return normalise(validate(launchSchema, read, STRICT));
}

function normalise(file: z.output<typeof launchSchema>): LaunchFile {
  const { resources: asked = {}, environment = {}, artifacts = {} } = file;
  return {
    site: file.site ?? null,
    resources: resourcesOf(asked),
    array: arrayOf(file.array),
    ...(file.submits ? { submits: submitsOf(file.submits) } : {}),
    legs: file.legs ?? 1,
    canary: file.canary ?? false,
    after: (file.after ?? []).map(({ run, on }) => ({ run, on: on ?? 'success' })),
    steps: file.steps ? inLegs(file.steps.map((step) => ({ ...stepOf(step, asked), legs: step.legs ?? 1 }))) : null,
    preflight: (file.preflight ?? []).map(([program = '', ...rest]) => [program, ...rest] as const),
    environment: {
      modules: environment.modules ?? [],
      setup: environment.setup ?? [],
      pass: environment.pass ?? [],
      set: environment.set ?? {},
    },
    code: file.code ?? null,
    inputs: file.inputs ?? [],
    logs: file.logs ?? [],
    ...(file.events === undefined ? {} : { events: file.events }),
    resume: file.resume === undefined ? null : resumeOf(file.resume),
    artifacts: { pull: artifacts.pull ?? [], expect: (artifacts.expect ?? []).map(expectation) },
  };
}

type File = z.output<typeof launchSchema>;

function resourcesOf(asked: NonNullable<File['resources']>): LaunchResources {
  return {
    cpus: asked.cpus ?? null,
    tasks: asked.tasks ?? null,
    nodes: asked.nodes ?? null,
    gpus: asked.gpus ?? null,
    gpuType: asked.gpu_type ?? null,
    memoryMb: asked.memory === undefined ? null : memoryMb(asked.memory),
    walltimeSeconds: asked.walltime === undefined ? null : walltimeSeconds(asked.walltime),
    account: asked.account ?? null,
    partition: asked.partition ?? null,
    qos: asked.qos ?? null,
    exclusive: asked.exclusive ?? null,
    requeues: asked.requeues ?? null,
    ...(asked.names ? { names: siteNames(asked.names) } : {}),
  };
}

/** Only what was said. */
function siteNames({ pe, memory, gpus }: NonNullable<NonNullable<File['resources']>['names']>): SiteNames {
  return { ...(pe ? { pe } : {}), ...(memory ? { memory } : {}), ...(gpus ? { gpus } : {}) };
}

function arrayOf(array: File['array']): LaunchArray | null {
  const read = array && taskIndices(array.indices);
  return read && 'indices' in read ? { indices: read.indices, parallel: array?.parallel ?? null } : null;
}

function stepOf(step: NonNullable<File['steps']>[number], whole: NonNullable<File['resources']>): LaunchStep {
  return {
    name: step.name,
    script: step.script,
    args: step.args ?? [],
    resources: resourcesOf({ ...whole, ...step.resources }),
    array: arrayOf(step.array),
    ...(step.submits ? { submits: submitsOf(step.submits) } : {}),
    canary: step.canary ?? false,
    after: (step.after ?? []).map((one) =>
      typeof one === 'string' ? { step: one, on: 'success' as const } : { step: one.step, on: one.on ?? 'success' },
    ),
  };
}

function refuseNewer(read: Positioned): void {
  const version = String(member(read.value, 'schema_version'));
  if (!/^\d+(\.\d+)*$/.test(version) || Number.parseInt(version, 10) <= 1) return;
  throw new Failure('file_newer', {
    what: `${placeOf(read, ['schema_version'])}: schema_version is "${version}"; this program knows "1"`,
    next: 'use the version of autolab-mcp that wrote it, or write the file in version "1"',
  });
}

/** What the format has and this version does not carry out. Asking for it is refused, never ignored. */
const UNSUPPORTED: readonly { key: string; inside: readonly string[]; instead: string }[] = [
  { key: 'options', inside: ['resources'], instead: 'name what it is for in resources (partition, qos, gpu_type)' },
];

function refuseUnsupported(read: Positioned): void {
  for (const { key, inside, instead } of UNSUPPORTED) {
    for (const path of places(read.value, inside, [])) {
      if (member(valueAt(read.value, path), key) !== undefined) refuse(read, [...path, key], key, instead);
    }
  }
}

function refuse(read: Positioned, path: Path, name: string, instead: string): never {
  throw new Failure('unsupported', {
    what: `${placeOf(read, path, 'key')}: ${clean(name)} is not carried out by this version`,
    next: instead,
  });
}

function places(value: unknown, inside: readonly string[], path: Path): Path[] {
  const [part, ...rest] = inside;
  if (part === undefined) return [path];
  if (part !== '*') return places(member(value, part), rest, [...path, part]);
  return Array.isArray(value) ? value.flatMap((item: unknown, at) => places(item, rest, [...path, at])) : [];
}

function valueAt(value: unknown, path: Path): unknown {
  return path.reduce<unknown>((rest, part) => member(rest, part), value);
}

function member(value: unknown, key: PropertyKey): unknown {
  return typeof value === 'object' && value !== null && Object.hasOwn(value, key) ? Reflect.get(value, key) : undefined;
}
