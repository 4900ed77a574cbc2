import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll } from 'vitest';
import { over } from '../support/asking.ts';
import type { Tiny } from '../support/tiny.ts';
import { forgetTemplate, TINY_POLICY } from '../support/tiny.ts';
import { makeListed } from './listed-run.ts';
import { crashes } from './matrix.ts';
import { typing } from './operation.ts';
import { kept } from './scenes.ts';
import { executions, listed, typedUntil } from './typed.ts';
import { runsOf } from './whole.ts';

afterAll(forgetTemplate);

const SCRIPT = `#!/bin/sh
#SBATCH --time=00:01:00
echo "$AUTOLAB_RUN_ID $AUTOLAB_ATTEMPT" >>runs/../executions.log
echo '{"value": 1}' >"runs/$AUTOLAB_RUN_ID/value.json"
`;
const PARSER = `const [runId, iteration] = process.argv.slice(2);
const metric = { name: 'executions', value: 1, delta_vs_baseline: 0 };
console.log(JSON.stringify({ metrics: { schema_version: '1.0', iteration_id: iteration, run_id: runId, status: 'completed', primary_metric: metric } }));
`;
const LAUNCH = 'artifacts: { expect: [{ json: value.json, required: [value] }] }\n';

/** A run whose job has ended after these commands. */
async function after(...commands: string[][]): Promise<Tiny> {
  const tiny = await makeListed({ script: SCRIPT, launch: LAUNCH }, (path) => {
    const design = join(path, 'experiments', 'plan', 'tiny', 'design.yaml');
    const text = readFileSync(design, 'utf8');
    writeFileSync(design, text.replace('cat metrics.json', 'node parse.mjs {run_id} {iteration_id}'));
    writeFileSync(join(path, 'parse.mjs'), PARSER);
    writeFileSync(join(path, '.autolab', 'verifier_policy.yaml'), `${TINY_POLICY}  allow: { commands: [[node, parse.mjs]] }\n`);
  });
  await typedUntil(tiny, 'submit');
  if (commands.length > 0) await over(tiny);
  for (const command of commands) await typedUntil(tiny, ...command);
  return tiny;
}

/** What is collected, without what differs from run to run. */
function collected(tiny: Tiny): unknown {
  return runsOf(tiny).map((run) => {
    const folder = join(tiny.iteration, 'runs', run);
    const names = readdirSync(folder).sort();
    const texts = ['metrics.json', 'value.json'].filter((name) => names.includes(name));
    return { names, texts: texts.map((name) => readFileSync(join(folder, name), 'utf8').replaceAll(run, 'run')) };
  });
}

const ended = async (tiny: Tiny) => ({ executions: executions(tiny), runs: await listed(tiny), collected: collected(tiny) });

crashes({
  name: 'monitor',
  prepare: async () => kept(await after()),
  act: typing('monitor'),
  finish: async (tiny) => void (await over(tiny)),
  ended,
  few: 8,
});

crashes({
  name: 'sync',
  prepare: async () => kept(await after(['monitor'])),
  act: typing('sync'),
  finish: (tiny) => typedUntil(tiny, 'sync'),
  ended,
  few: 8,
});

crashes({
  name: 'extract',
  prepare: async () => kept(await after(['monitor'], ['sync'])),
  act: typing('extract'),
  finish: (tiny) => typedUntil(tiny, 'extract'),
  ended,
  few: 10,
});

const ledger = (tiny: Tiny) => join(tiny.path, 'docs', 'slurm_job_list.md');
const append = (tiny: Tiny) => [
  ...['slurm-job-list', 'append', '--manifest'],
  join('experiments', 'plan', 'tiny', 'runs', runsOf(tiny)[0] ?? '', 'run_manifest.json'),
];
crashes({
  name: 'slurm-job-list append',
  prepare: async () => {
    const tiny = await after(['monitor']);
    rmSync(ledger(tiny));
    return kept(tiny);
  },
  act: (tiny, prefix) => tiny.run(append(tiny), { prefix }),
  finish: (tiny) => typedUntil(tiny, ...append(tiny)),
  ended: (tiny) => ({ rows: readFileSync(ledger(tiny), 'utf8').trim().split('\n').length, runs: runsOf(tiny).length }),
  few: 8,
});
