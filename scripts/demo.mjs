// Takes a real experiment through launch -> slurm_monitor -> extract_results, through the MCP server, driven by a real MCP client.
// node scripts/demo.mjs [--keep]   --keep leaves the demo's repository in place
import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client } from '@modelcontextprotocol/client';
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio';

const ROOT = resolve(import.meta.dirname, '..');
const MAIN = join(ROOT, 'dist', 'main.mjs');
const KEEP = process.argv.includes('--keep');
/** The loop ends by itself after this many looks, whatever happens. */
const MOST_LOOKS = 120;

const repo = realpathSync(mkdtempSync(join(tmpdir(), 'autolab-demo-')));
const iteration = join(repo, 'experiments', 'plan', 'penguins-softmax');
const launchFile = join(iteration, 'launch', 'launch.yaml');
let stateFolder;

const say = (text = '') => process.stdout.write(`${text}\n`);
const title = (text) => say(`\n\u2500\u2500 ${text}`);
const indent = (text) =>
  say(
    text
      .split('\n')
      .map((line) => `   ${line}`)
      .join('\n'),
  );

function run(command, args, options = {}) {
  const done = spawnSync(command, args, { cwd: repo, encoding: 'utf8', ...options });
  if (done.status !== 0) throw new Error(`${command} ${args.join(' ')} ended with ${done.status}: ${done.stderr || done.error}`);
  return done.stdout;
}

const autolab = (...args) => run(process.execPath, [MAIN, ...args]);

function prepare() {
  title('A researcher sets up a repository');
  cpSync(join(ROOT, 'examples', 'penguins', 'repo'), repo, { recursive: true });
  stateFolder = JSON.parse(autolab('init', '--json')).state_folder;
  say('   $ autolab-mcp init');
  autolab('policy', 'apply', 'preset', 'local_dev');
  say('   $ autolab-mcp policy apply preset local_dev');
  const policy = join(repo, '.autolab', 'verifier_policy.yaml');
  const own = `
# Of my own: every submission is put to me, and this is the one parser that may run.
gate:
  acts:
    submit: ask
  approve: elicitation
  allow:
    commands:
      - [node, scripts/parse_results.mjs]
`;
  writeFileSync(policy, `${readFileSync(policy, 'utf8')}${own}`);
  indent(`and adds to .autolab/verifier_policy.yaml:${own.trimEnd()}`);
  run('git', ['init', '-q']);
  run('git', ['add', '-A']);
  run('git', ['-c', 'user.name=demo', '-c', 'user.email=demo@localhost', 'commit', '-qm', 'the experiment']);
  say(`   The repository is ${repo}`);
}

async function agent() {
  const client = new Client(
    { name: 'demo-agent', version: '1.0.0' },
    { capabilities: { elicitation: { form: {} } }, versionNegotiation: { mode: 'auto' } },
  );
  client.setRequestHandler('elicitation/create', async (request) => {
    title('The researcher is asked, in the client');
    indent(request.params.message);
    say('   > approve        (the demo answers for the researcher)');
    return { action: 'accept', content: { answer: 'approve' } };
  });
  await client.connect(
    new StdioClientTransport({ command: process.execPath, args: [MAIN, 'serve'], cwd: repo, stderr: 'inherit' }),
  );
  const call = async (name, args = {}) => {
    title(`The agent calls ${name} ${JSON.stringify(args)}`);
    const result = await client.callTool({ name, arguments: args }, { timeout: 120_000 });
    indent(result.content.map((part) => part.text ?? '').join('\n'));
    return result;
  };
  return { call, close: () => client.close(), era: () => client.getNegotiatedProtocolVersion() };
}

async function loop() {
  const { call, close, era } = await agent();
  say(`\n   Connected over MCP ${era()}.`);
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

function must(condition, what) {
  if (!condition) throw new Error(`the demo expected that ${what}`);
}

function tidy() {
  if (KEEP) return say(`\nKept: ${repo} (and ${stateFolder})`);
  rmSync(repo, { recursive: true, force: true, maxRetries: 5 });
  if (stateFolder) rmSync(stateFolder, { recursive: true, force: true });
}

try {
  prepare();
  await loop();
  tidy();
} catch (error) {
  say(`\nThe demo stopped: ${error instanceof Error ? error.message : error}`);
  say(`Its repository is left for a look: ${repo}`);
  process.exitCode = 1;
}
