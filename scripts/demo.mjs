// Takes a real experiment through launch -> slurm_monitor -> extract_results, through the MCP server, driven by a real MCP client.
// node scripts/demo.mjs [--site local|slurm] [--report FILE] [--keep]
//   --site slurm   on a real Slurm, which is started for it and taken down again; needs root
//   --report FILE  writes the report on it there, as HTML
//   --keep         leaves the demo's repository in place
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { connectAgent } from './demo/agent.mjs';
import { localSite } from './demo/local.mjs';
import { indent, must, say, title } from './demo/say.mjs';
import { slurmSite } from './demo/slurm.mjs';

const ROOT = resolve(import.meta.dirname, '..');
const SITES = { local: localSite, slurm: slurmSite };
/** The loop ends by itself after this many looks, whatever happens. */
const MOST_LOOKS = 120;

let site, repo, iteration, launchFile, stateFolder;

/** Runs a command line in the repository, as whoever does the experiment. */
function run(...words) {
  const [command, ...args] = words;
  const done = spawnSync(command, args, { cwd: repo, encoding: 'utf8' });
  if (done.status !== 0) throw new Error(`${words.join(' ')} ended with ${done.status}: ${done.stderr || done.error}`);
  return done.stdout;
}

const autolab = (...args) => run(...site.program, ...args);
const git = (...args) => run(...site.as(['git', ...args]));

function prepare() {
  title('A researcher sets up a repository');
  const folder = realpathSync(mkdtempSync(join(site.folder, 'autolab-demo-')));
  chmodSync(folder, 0o755);
  repo = join(folder, 'penguins');
  mkdirSync(repo);
  iteration = join(repo, 'experiments', 'plan', 'penguins-softmax');
  launchFile = join(iteration, 'launch', 'launch.yaml');
  cpSync(join(ROOT, 'examples', 'penguins', 'repo'), repo, { recursive: true });
  writeFileSync(launchFile, site.moveHere(readFileSync(launchFile, 'utf8')));
  site.own(repo);
  stateFolder = JSON.parse(autolab('init', '--json')).state_folder;
  say('   $ autolab-mcp init');
  autolab('policy', 'apply', 'preset', site.preset);
  say(`   $ autolab-mcp policy apply preset ${site.preset}`);
  const policy = join(repo, '.autolab', 'verifier_policy.yaml');
  const own = `
# Of my own: every submission is put to me, and this is the one parser that may run.
gate:
  acts:
    submit: ask
  approve: elicitation${site.limits}
  allow:
    commands:
      - [node, scripts/parse_results.mjs]
`;
  writeFileSync(policy, `${readFileSync(policy, 'utf8')}${own}`);
  indent(`and adds to .autolab/verifier_policy.yaml:${own.trimEnd()}`);
  git('init', '-q', '-b', 'main');
  git('add', '-A');
  git('-c', 'user.name=demo', '-c', 'user.email=demo@localhost', 'commit', '-qm', 'the experiment');
  say(`   The repository is ${repo}`);
}

async function loop() {
  const { call, close } = await connectAgent(site.program, repo);
  try {
    const launch = readFileSync(launchFile, 'utf8');
    writeFileSync(launchFile, launch.replace('cpus: 1', 'cpus: 64'));
    title('The plan asks for 64 cpus a task: over the limit');
    const refused = await call('submit_run', {});
    must(refused.isError, 'a plan over the limit is refused');

    title('The agent does what the remedy says: 1 cpu a task');
    writeFileSync(launchFile, launch);
    await call('submit_run', { dry_run: true });
    const submitted = await call('submit_run', {});
    must(
      submitted.structuredContent?.state === 'submitted' || submitted.structuredContent?.state === 'running',
      'the run is submitted',
    );
    const runId = submitted.structuredContent.run_id;
    const again = await call('submit_run', {});
    must(again.structuredContent?.run_id === runId && again.structuredContent.already, 'calling again is the same run');

    for (let look = 0; look < MOST_LOOKS; look++) {
      const seen = (await call('monitor_runs', {})).structuredContent;
      if (seen.all_over) break;
      await sleep(seen.next_look_seconds * 1000);
    }
    must((await call('sync_artifacts', { run_id: runId })).structuredContent?.sync === 'ok', 'the artifacts are verified');
    let results = await call('extract_results', { run_id: runId });
    for (let turn = 0; turn < 20 && results._meta?.['autolab/outcome']?.kind === 'running'; turn++) {
      await sleep(2000);
      results = await call('extract_results', { run_id: runId });
    }
    await call('list_runs', { run_id: runId });
    await call('verify_ledger', { manifest: `experiments/plan/penguins-softmax/runs/${runId}/run_manifest.json` });
    report(runId, results.structuredContent);
    await site.report(submitted.structuredContent.job_id, 5);
  } finally {
    await close();
  }
}

function report(runId, results) {
  const folder = join(iteration, 'runs', runId);
  const lines = readFileSync(join(folder, 'gate', 'journal.jsonl'), 'utf8')
    .trim()
    .split('\n')
    .map(JSON.parse);
  title("How the run's state moved (its journal)");
  for (const line of lines.filter((one) => one.event === 'moved'))
    say(`   ${line.at}  ${line.from} -> ${line.to}: ${line.because}`);
  title('What stands in the ledger');
  indent(readFileSync(join(repo, 'docs', 'slurm_job_list.md'), 'utf8').trim());
  title('What became of the approval');
  indent(autolab('approvals', '--all').trim());
  title('The researcher checks the audit log');
  indent(autolab('audit', 'verify').trim());
  title('The result');
  indent(readFileSync(join(repo, results.summary_file), 'utf8').trim());
  const { name, value, delta_vs_baseline: delta } = results.primary_metric;
  must(results.status === 'completed' && Number.isFinite(value), 'the metrics are complete');
  say(`\n   ${name} = ${value}, ${delta >= 0 ? '+' : ''}${delta} against the baseline.`);
}

function writeReport(path) {
  title('The researcher writes the report');
  indent(autolab('report', '--out', 'report.html').trim());
  copyFileSync(join(repo, 'report.html'), path);
  say(`   ${path}`);
}

function tidy(keep) {
  if (keep) return say(`\nKept: ${repo} (and ${stateFolder})`);
  rmSync(dirname(repo), { recursive: true, force: true, maxRetries: 5 });
  if (stateFolder) rmSync(stateFolder, { recursive: true, force: true });
}

function stop(error) {
  say(`\nThe demo stopped: ${error instanceof Error ? error.message : error}`);
  if (repo) say(`Its repository is left for a look: ${repo}`);
  process.exitCode = 1;
}

try {
  const { values } = parseArgs({
    options: {
      site: { type: 'string', default: 'local' },
      report: { type: 'string' },
      keep: { type: 'boolean', default: false },
    },
  });
  if (!Object.hasOwn(SITES, values.site))
    throw new Error(`there is no site ${values.site}; there are ${Object.keys(SITES).join(' and ')}`);
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'])
    process.once(signal, async () => {
      stop(`${signal} came`);
      await site?.close();
      process.exit(1);
    });
  site = await SITES[values.site]();
  prepare();
  await loop();
  if (values.report !== undefined) writeReport(values.report);
  tidy(values.keep);
} catch (error) {
  stop(error);
} finally {
  await site?.close();
}
