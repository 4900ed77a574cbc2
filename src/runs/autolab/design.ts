import { Failure } from '../../base/errors.ts';
import { readText } from '../../base/files.ts';
import { memoryMb, walltimeSeconds } from '../launch/units.ts';
import { pythonArguments } from '../results/python-arguments.ts';
import { type DesignFile, designSchema } from './design-schema.ts';
import { validate } from './validate.ts';
import { readYaml } from './yaml.ts';

/** design.yaml in normal units. Null is "not said". */
export type Design = {
  file: string;
  id: string;
  iterationId: string;
  location: 'local' | 'slurm';
  walltimeSeconds: number | null;
  /** MiB; 0 is the whole node, as Slurm has it. */
  memoryMb: number | null;
  gpus: number;
  gpuType: string | null;
  nodes: number | null;
  partition: string | null;
  qos: string | null;
  primaryMetric: { name: string; unit: string; mode: 'maximize' | 'minimize' };
  parser: DesignFile['extract_parser'];
  replicates: number;
  /** entrypoint.args as the words of a command line, in the order and form in which the reference writes them. */
  arguments: readonly string[];
  /** The file's own content, word for word. */
  spec: DesignFile;
};

const CLOSED = 'design.yaml is closed: what it cannot say (cpus, account, arrays, artifacts) stands in launch/launch.yaml';

/** The design of an iteration. `file_missing` or `file_invalid`, with file, line, column and what to write instead. */
export function readDesign(path: string): Design {
  const text = readText(path);
  if (text === undefined) {
    throw new Failure('file_missing', {
      what: `there is no ${path}`,
      why: 'an iteration cannot run without its design',
      next: `write ${path}`,
    });
  }
  return parseDesign(text, path);
}

/** The same from text; `file` is only named in messages. */
export function parseDesign(text: string, file: string): Design {
  const read = readYaml(text, file, 'shared');
  const spec = validate(designSchema, read, CLOSED);
  const { compute, entrypoint } = spec;
  return {
    file,
    id: spec.id,
    iterationId: spec.iteration_id,
    location: compute.location,
    walltimeSeconds: compute.walltime_estimate === undefined ? null : walltimeSeconds(compute.walltime_estimate),
    memoryMb: compute.memory_estimate === undefined ? null : memoryMb(compute.memory_estimate),
    gpus: compute.gpu_count ?? 0,
    gpuType: compute.gpu_type || null,
    nodes: compute.num_nodes ?? null,
    partition: compute.partition || null,
    qos: compute.qos || null,
    primaryMetric: spec.metrics.primary,
    parser: spec.extract_parser,
    replicates: spec.replicates?.count ?? 1,
    arguments: entrypoint.cli?.trim() ? [] : pythonArguments(entrypoint.args ?? {}, read, ['entrypoint', 'args']),
    spec,
  };
}
