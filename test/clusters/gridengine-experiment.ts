import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { GridEngine } from '../support/gridengine.ts';
import type { Repo } from '../support/repo.ts';
import { makeRepo, until } from '../support/repo.ts';
import { edit, ITERATION } from './experiment.ts';

/** The gridengine preset as a researcher would open it for a test: nobody is asked, looks may follow each other closely. */
export const GRIDENGINE_POLICY = `# A test's policy
policy_resolution:
  default_preset: gridengine
gate:
  acts: { submit: allow, cancel: allow }
  limits:
    jobs: { active: 200, pending: 200, submits_per_hour: 200 }
    scheduler: { calls_per_hour: 100000, poll_seconds: 1 }
  allow:
    commands:
      - [node, scripts/parse_results.mjs]
`;

/** The example as it goes to a Grid Engine, with a name for memory that limits no addresses, of which Node takes many. */
export function onGridEngine(path: string): void {
  edit(join(path, ITERATION, 'launch', 'launch.yaml'), (text) =>
    text
      .replace(/^site: local.*$/m, 'site: gridengine')
      .replace('{ cpus: 1 }', '{ cpus: 1, memory: 100MB, names: { memory: h_rss } }'),
  );
}

/** The example with these lines of bash in the place of its launch script, and this launch.yaml; further scripts beside it by name. */
export function gridExperiment(
  grid: GridEngine,
  launch: string,
  scripts: Readonly<Record<string, string>>,
  policy = GRIDENGINE_POLICY,
  replicates = 1,
): Promise<Repo> {
  return makeRepo(
    policy,
    (path) => {
      const folder = join(path, ITERATION, 'launch');
      edit(join(path, ITERATION, 'design.yaml'), (text) => text.replace('count: 5', `count: ${replicates}`));
      writeFileSync(join(folder, 'launch.yaml'), `schema_version: "1"\nsite: gridengine\n${launch}`);
      for (const [name, text] of Object.entries(scripts)) writeFileSync(join(folder, name), text, { mode: 0o755 });
    },
    grid.identity,
  );
}

export const PLAIN = 'resources: { cpus: 1, memory: 50MB, names: { memory: h_rss }, walltime: "00:05:00" }\n';

type Told = { all_over: boolean; runs: { run_id: string; state: string; line: string; blocked: boolean }[] };

/** The runs once all of them are over. */
export function ended(repo: Repo, seconds = 120): Promise<Told['runs']> {
  return until(
    'it is over',
    async () => {
      const told = await repo.json<Told>('monitor');
      return told.all_over ? told.runs : undefined;
    },
    seconds,
  );
}
