// What a step is given: its run's folder, the configuration, the workspace. Exit 2: the environment is not usable.
import { createHash } from 'node:crypto';
import { appendFileSync, existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { dirname, join } from 'node:path';

export const WORKSPACE = process.env.AUTOLAB_WORKSPACE ?? 'outputs';
export const RECORDS = join(WORKSPACE, 'records.jsonl');
const EVENTS = join(WORKSPACE, '.events.log');

export function runId() {
  const id = process.env.AUTOLAB_RUN_ID ?? '';
  return /^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/.test(id) ? id : stop(`AUTOLAB_RUN_ID is ${JSON.stringify(id)}`);
}

export const inRun = (...names) => join('runs', runId(), ...names);

export function config() {
  const text = readFileSync('config.json', 'utf8');
  return { ...JSON.parse(text), sha256: createHash('sha256').update(text).digest('hex') };
}

/** Whole records only: a line that was cut off was never written. */
export function records() {
  if (!existsSync(RECORDS)) return [];
  const lines = readFileSync(RECORDS, 'utf8').split('\n');
  lines.pop();
  return lines.map((line) => JSON.parse(line));
}

/** A line in the workspace's event log, with figures for whoever watches. */
export function tell(action, metrics) {
  const actor = { tool: 'generate', run_id: runId(), host: hostname(), pid: process.pid };
  const event = { event_version: 1, timestamp_utc: new Date().toISOString(), action, dataset: 'promoters', metrics, actor };
  appendFileSync(EVENTS, `${JSON.stringify(event)}\n`);
}

/** Whole or not at all. */
export function writeWhole(path, content) {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(`${path}.part`, content);
  renameSync(`${path}.part`, path);
}

export function stop(message, exit = 2) {
  console.error(message);
  process.exit(exit);
}
