import { quote } from '../../base/text.ts';
import type { Answer } from './slurm-answers.ts';
import { cardsOf } from './slurm-partitions.ts';
import { parseWalltime } from './units.ts';

/** Nodes of one partition that are alike, as far as a price depends on them (sinfo(1)). Null: not said. */
export type Shape = {
  partition: string;
  isDefault: boolean;
  cpus: number;
  /** Of one core: where cores are given as a whole, cpus come in multiples of it. */
  threads: number;
  memoryMb: number;
  gpus: number;
  /** Every job of the partition gets whole nodes (`OverSubscribe=EXCLUSIVE`). */
  exclusive: boolean;
  /** The longest walltime, and that of a job that names none; null where there is no limit. */
  mostSeconds: number | null;
  usualSeconds: number | null;
};

/** The kinds of nodes that sinfo shows, or why it shows none: sites may hide them (slurm.conf(5), PrivateData). */
export function shapesOf(answer: Answer): Shape[] | { why: string } {
  const part = answer.parts.get('shapes');
  if (part?.exit !== 0) {
    const words = quote(`${part?.text ?? ''}\n${answer.stderr}`.trim(), 200);
    return { why: `sinfo ended with ${part?.exit ?? 'nothing'}${words ? `: ${words}` : ''}` };
  }
  return part.text.split('\n').flatMap((line) => shapeOf(line.split(`@${answer.word}@`)));
}

function shapeOf([
  name = '',
  nodes = '',
  cpus = '',
  threads = '',
  memory = '',
  gres = '',
  shared = '',
  most = '',
  usual,
]: readonly (string | undefined)[]): Shape[] {
  const [many, cores, each, mebibytes] = [nodes, cpus, threads, memory].map((text) =>
    /^\d{1,12}$/.test(text) ? Number(text) : 0,
  );
  if (usual === undefined || !many || !cores || !mebibytes) return [];
  return [
    {
      partition: name.replace(/\*$/, ''),
      isDefault: name.endsWith('*'),
      cpus: cores,
      threads: each || 1,
      memoryMb: mebibytes,
      gpus: cardsOf(gres).reduce((all, card) => all + card.number, 0),
      exclusive: /^EXCLUSIVE/.test(shared),
      mostSeconds: parseWalltime(most) ?? null,
      // Without a default of its own a partition gives its maximum (slurm.conf(5), DefaultTime).
      usualSeconds: parseWalltime(/^\d/.test(usual) ? usual : most) ?? null,
    },
  ];
}
