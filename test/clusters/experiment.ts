import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** The slurm preset as a researcher would open it for a test: nobody is asked, looks may follow each other closely. */
export const SLURM_POLICY = `# A test's policy
policy_resolution:
  default_preset: slurm
gate:
  acts: { submit: allow, cancel: allow }
  limits:
    jobs: { active: 200, pending: 200, submits_per_hour: 200 }
    scheduler: { calls_per_hour: 100000, poll_seconds: 1 }
  allow:
    commands:
      - [node, scripts/parse_results.mjs]
`;

export const ITERATION = 'experiments/plan/penguins-softmax';

/** The example as it goes to a cluster: the line that keeps it on this machine is taken out, as its comment says. */
export function onSlurm(path: string): void {
  edit(join(path, ITERATION, 'launch', 'launch.yaml'), (text) => text.replace(/^site: local.*\n/m, ''));
}

export function edit(file: string, change: (text: string) => string): void {
  writeFileSync(file, change(readFileSync(file, 'utf8')));
}

/** The example as one task, whose script is these lines of bash; what it leaves is not looked at. */
export function oneTask(path: string, lines: string): void {
  onSlurm(path);
  edit(join(path, ITERATION, 'launch', 'launch.yaml'), (text) =>
    text.replace(/^array:.*\n/m, '').replace(/^artifacts:[\s\S]*$/m, ''),
  );
  edit(join(path, ITERATION, 'design.yaml'), (text) => text.replace('count: 5', 'count: 1'));
  edit(join(path, ITERATION, 'launch', 'run_slurm.sbatch'), (text) => text.replace(/^node .*$/m, () => lines));
}
