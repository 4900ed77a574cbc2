// Step gen, one task of the array: draws its share of the points in the unit square with the seed base + index and keeps their squared
// distances from the corner in runs/<run>/batches/batch_<index>/r2.npy; the marker READY comes last and says whose the batch is.
import { rmSync, utimesSync } from 'node:fs';
import { accident } from './fault.mjs';
import { npy } from './numpy.mjs';
import { config, inRun, number, runId, stop, writeWhole } from './place.mjs';
import { generator } from './random.mjs';

const index = number('AUTOLAB_TASK_INDEX');
const attempt = number('AUTOLAB_ATTEMPT');
const base = number('AUTOLAB_BASE_SEED');
// As many pipelines do: how much is a task's share follows from how wide its array is.
const width = number('SLURM_ARRAY_TASK_MAX') + 1;
const { samples, sha256 } = config();
const share = Math.floor(samples / width) + (index < samples % width ? 1 : 0);
const fault = accident(index, attempt);
const [data, ready] = [inRun('batches', `batch_${index}`, 'r2.npy'), inRun('batches', `batch_${index}`, 'READY')];

if (fault === 'task') stop(`batch ${index}: no points, as PI_FAULT says`, 1);
if (fault === 'stale') leaveOld();
else {
  rmSync(ready, { force: true });
  keep(fault === 'short' ? share / 2 : share, base + index, runId());
}

function keep(count, seed, run) {
  const random = generator(seed);
  writeWhole(data, npy(Float64Array.from({ length: count }, () => random() ** 2 + random() ** 2)));
  writeWhole(ready, `${JSON.stringify({ run_id: run, attempt, seed: base, task_seed: seed, config_sha256: sha256 })}\n`);
  console.log(`batch ${index} of ${width}: ${count} points with seed ${seed}`);
}

function leaveOld() {
  keep(share, base + 1000 + index, 'an-earlier-run');
  const before = Date.now() / 1000 - 3600;
  utimesSync(ready, before, before);
  console.log(`batch ${index} is READY already`);
}
