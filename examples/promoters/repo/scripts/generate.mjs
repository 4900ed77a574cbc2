// The first step: fills the quotas of the plan with what is missing in the workspace, fifty sequences at a time.
import { appendFileSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import { config, inRun, RECORDS, records, runId, tell, WORKSPACE, writeWhole } from './place.mjs';
import { sequence } from './sequence.mjs';

const CHUNK = 50;
const set = config();
const kept = records();
// A line that was cut off by an end without warning.
if (kept.length > 0)
  truncateSync(
    RECORDS,
    kept.reduce((bytes, one) => bytes + JSON.stringify(one).length + 1, 0),
  );

let fresh = 0;
const counts = {};
for (const plan of set.generation.plan) {
  let have = kept.filter((one) => one.plan === plan.name).length;
  while (have < plan.sequences) {
    const many = Math.min(CHUNK, plan.sequences - have);
    const lines = Array.from({ length: many }, (_, at) =>
      JSON.stringify({ plan: plan.name, number: have + at, sequence: sequence(set, plan, have + at) }),
    );
    appendFileSync(RECORDS, `${lines.join('\n')}\n`);
    have += many;
    fresh += many;
    tell('records_appended', { total: kept.length + fresh, new_rows: fresh });
  }
  counts[plan.name] = have;
}
const manifest = {
  run_id: runId(),
  config_sha256: set.sha256,
  started_from: process.env.AUTOLAB_START ?? 'unknown',
  total: kept.length + fresh,
  new_rows: fresh,
  plans: counts,
};
for (const path of [join(WORKSPACE, 'run_manifest.json'), inRun('library', 'manifest.json')])
  writeWhole(path, `${JSON.stringify(manifest, null, 2)}\n`);
