// The second step: what the library is like. It is begun only where the first has ended well.
import { config, inRun, records, runId, writeWhole } from './place.mjs';
import { gcOf } from './sequence.mjs';

const set = config();
const all = records();
const wanted = set.generation.plan.reduce((sum, { sequences }) => sum + sequences, 0);
if (all.length !== wanted) {
  console.error(`the library has ${all.length} sequences; the plan wants ${wanted}`);
  process.exit(1);
}
const [first, second] = set.boxes;
const pattern = new RegExp(`${first}.{${set.spacer}}${second}`);
const without = all.filter(({ sequence }) => !pattern.test(sequence)).length;
const values = all.map(({ sequence }) => gcOf(sequence));
const gc_mean = values.reduce((sum, value) => sum + value, 0) / values.length;
const profile = {
  run_id: runId(),
  sequences: all.length,
  distinct: new Set(all.map(({ sequence }) => sequence)).size,
  without_boxes: without,
  gc_mean,
};
writeWhole(inRun('profile', 'profile.json'), `${JSON.stringify(profile, null, 2)}\n`);
