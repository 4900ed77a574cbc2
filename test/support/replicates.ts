import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Tiny } from './tiny.ts';
import { makeTiny, TINY_POLICY } from './tiny.ts';

/** Each replicate notes that it ran, and writes its seed as its result. */
export const REPLICATE_SCRIPT = `#!/bin/sh
#SBATCH --time=00:01:00
echo "$AUTOLAB_RUN_ID $AUTOLAB_ATTEMPT $AUTOLAB_REPLICATE $AUTOLAB_SEED" >> runs/../executions.log
[ "$AUTOLAB_REPLICATE" != "$(cat runs/../fails 2>/dev/null)" ] || exit 3
echo "$AUTOLAB_SEED" > "runs/$AUTOLAB_RUN_ID/value"
`;

/** Gives a replicate's value, of a group the mean with every run's figure; with a file \`knows-no-groups\` it knows only runs. */
const PARSER = `import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
const [runDir, runId, iteration] = process.argv.slice(2);
const valueOf = (id) => Number(readFileSync(join(runDir, '..', id, 'value'), 'utf8'));
const metric = (value) => ({ name: 'executions', value, delta_vs_baseline: value - 1 });
const head = { schema_version: '1.0', iteration_id: iteration, run_id: runId };
const ids = (process.env.AUTOLAB_RUN_GROUP ?? '').split(' ').filter(Boolean);
if (ids.length === 0 || existsSync('knows-no-groups')) {
  console.log(JSON.stringify({ metrics: { ...head, status: 'completed', primary_metric: metric(valueOf(runId)) } }));
} else {
  const runs = ids.map((id) => ({ run_id: id, primary_metric: metric(valueOf(id)) }));
  const sum = runs.reduce((all, one) => all + one.primary_metric.value, 0);
  const metrics = { ...head, status: 'completed', primary_metric: metric(sum / runs.length), aggregation_method: 'mean of seeds', per_run_metrics: runs };
  console.log(JSON.stringify({ metrics, summary_markdown: '# The group\\n\\nEvery run ended well.\\n' }));
}
`;

/** The tiny experiment as a group: its design asks for \`count\` replicates, and there is no array. */
export function makeReplicates(count: number, edit?: (path: string) => void, seeds = 'base_seed: 5'): Promise<Tiny> {
  return makeTiny((path) => {
    const iteration = join(path, 'experiments', 'plan', 'tiny');
    const design = readFileSync(join(iteration, 'design.yaml'), 'utf8')
      .replace('location: local', 'location: slurm')
      .replace('cat metrics.json', 'node scripts/parse.mjs {run_dir} {run_id} {iteration_id}');
    writeFileSync(join(iteration, 'design.yaml'), `${design}replicates: { count: ${count}, ${seeds} }\n`);
    writeFileSync(join(iteration, 'launch', 'run_slurm.sbatch'), REPLICATE_SCRIPT, { mode: 0o755 });
    mkdirSync(join(path, 'scripts'), { recursive: true });
    writeFileSync(join(path, 'scripts', 'parse.mjs'), PARSER);
    writeFileSync(
      join(path, '.autolab', 'verifier_policy.yaml'),
      `${TINY_POLICY}  allow: { commands: [[node, scripts/parse.mjs]] }\n`,
    );
    edit?.(path);
  });
}

/** What ran, a line each: run id, attempt, number, seed. Sorted. */
export function executions(tiny: Tiny): string[] {
  const path = join(tiny.iteration, 'executions.log');
  return existsSync(path) ? readFileSync(path, 'utf8').trim().split('\n').sort() : [];
}
