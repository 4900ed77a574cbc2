import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { call, jsonOf } from './call.mjs';
import { executionsOf } from './shapes.mjs';

/** autolab-mcp as an agent uses it: the same submit again until it is answered, then monitor until nothing is waited for. */
export const ours = {
  name: 'autolab-mcp',
  place: (folder) => join(folder, 'repo'),
  words: ({ cluster }) => [...cluster.program, 'submit', '--json'],
  settle,
};

/** How often the agent submits again before it gives up. */
const TURNS = 15;
/** The failure with which a person is called. A refusal because nothing can be read just now is none: the agent calls again. */
const FOR_A_PERSON = 'submission_unknown';

async function settle(trial) {
  const said = [];
  const note = (text) => said.push(text.slice(0, 300));
  const submitted = await submitAgain(trial, note);
  if (submitted.verdict) return { ...submitted, said };
  const end = await monitor(trial, note);
  if (end) return { ...end, said };
  const { runs: [run] = [] } = jsonOf(await ask(trial, 'runs', submitted.run)) ?? {};
  const tasks = run?.task_list ?? [];
  note(`${run?.state}: ${tasks.map(({ step, task, state }) => `${step} ${task ?? ''} ${state}`).join(', ')}`);
  const succeeded = tasks.filter(({ state }) => state === 'succeeded').length;
  if (tasks.length > 0 && succeeded === executionsOf(trial.shape).length) return { verdict: 'succeeded', said };
  if (run?.state === 'failed' && succeeded === 0) return { verdict: 'refused', said };
  return { verdict: 'unsure', said };
}

async function submitAgain(trial, note) {
  for (let turn = 0; turn < TURNS; turn++) {
    const done = await ask(trial, 'submit');
    const answer = jsonOf(done);
    note(`submit ${done.exit}: ${answer ? wordsOf(answer) : done.stderr}`);
    if (answer?.run_id && (isSubmitted(answer) || answer.state === 'failed')) return { run: answer.run_id };
    if (answer?.failure?.code === FOR_A_PERSON) return { verdict: 'person' };
    await sleep(done.exit === 0 ? 500 : 1500);
  }
  return { verdict: 'unsure' };
}

function isSubmitted({ steps = [], job_id: job }) {
  return steps.length > 0 ? steps.every((step) => step.job_id !== null) : job !== null;
}

function wordsOf(answer) {
  if (answer.decision) return deniedBy(answer.decision);
  return answer.run_id ? `${answer.run_id} ${answer.state} ${answer.job_id ?? ''} ${answer.note ?? ''}` : JSON.stringify(answer);
}

function deniedBy({ reasons = [] }) {
  return reasons
    .flatMap(({ verdict, rule, because }) => (verdict === 'allow' ? [] : `${verdict} ${rule}: ${because}`))
    .join('; ');
}

/** Looks until nothing is waited for; meanwhile only as often as something can have changed. Undefined when it is over. */
async function monitor(trial, note) {
  for (let turn = 0; turn < 40; turn++) {
    const answer = jsonOf(await ask(trial, 'monitor'));
    const lines = answer?.runs?.map(({ line }) => line) ?? [];
    if (answer?.all_over) {
      note(`monitor: ${lines.join('; ')} ${answer.problems.join('; ')}`);
      return undefined;
    }
    if (answer?.runs?.some(({ blocked }) => blocked)) {
      note(`monitor: blocked: ${lines.join('; ')}`);
      return { verdict: 'person' };
    }
    await nothingLive(trial, 4);
    await sleep(1000);
  }
  note('monitor: it is never over');
  return { verdict: 'unsure' };
}

/** Waits until the trial has no job that runs or waits, or that long (seconds). */
async function nothingLive({ cluster, folder }, seconds) {
  for (const end = Date.now() + seconds * 1000; Date.now() < end; await sleep(500))
    if (!(await cluster.queue(folder)).some(({ live }) => live)) return;
}

function ask(trial, ...args) {
  return call(trial, [...trial.cluster.program, ...args, '--json']);
}
