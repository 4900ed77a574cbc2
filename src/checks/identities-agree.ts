import type { Check, Finding, Placed } from './check.ts';
import { got, placeIn } from './findings.ts';

export const identitiesAgree: Check = {
  code: 'identities_agree',
  title: 'manifest and metrics are of this run and this iteration',
  stages: ['launch', 'slurm_monitor', 'extract_results'],
  needs: 'consistency',
  before: false,
  judge: ({ run, iteration, stage }) => {
    if (run === null) return [];
    const files: (Placed<{ run_id: string; iteration_id: string }> | null | undefined)[] = [
      got(run.manifest),
      stage === 'extract_results' ? got(run.metrics) : null,
    ];
    return files.flatMap((placed) =>
      placed ? [...same(placed, 'run_id', run.id), ...same(placed, 'iteration_id', iteration)] : [],
    );
  },
};

function same(
  placed: Placed<{ run_id: string; iteration_id: string }>,
  key: 'run_id' | 'iteration_id',
  expected: string,
): Finding[] {
  const actual = placed.value[key];
  if (actual === expected) return [];
  return [
    {
      what: `${key} is ${JSON.stringify(actual)}; expected ${JSON.stringify(expected)}`,
      where: placeIn(placed, key),
      next: 'it was copied from elsewhere: put the right file there',
    },
  ];
}
