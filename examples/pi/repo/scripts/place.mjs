// Where a step is and what it is given: its run's folder, its configuration, its place in the array.
// Exit 2: the environment is not usable.
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

const CONFIG = 'config.json';

export function runId() {
  const id = process.env.AUTOLAB_RUN_ID ?? '';
  return /^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/.test(id)
    ? id
    : stop(`AUTOLAB_RUN_ID is ${JSON.stringify(id)}; expected a run's id`);
}

export const inRun = (...names) => join('runs', runId(), ...names);

export function config() {
  const text = readFileSync(CONFIG, 'utf8');
  return { ...JSON.parse(text), sha256: createHash('sha256').update(text).digest('hex') };
}

/** A whole number from 0 out of the environment. */
export function number(name) {
  const text = process.env[name] ?? '';
  return /^(0|[1-9]\d{0,8})$/.test(text) ? Number(text) : stop(`${name} is ${JSON.stringify(text)}; expected a whole number`);
}

/** Whole or not at all: nobody who looks meanwhile sees half of it. */
export function writeWhole(path, content) {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(`${path}.part`, content);
  renameSync(`${path}.part`, path);
}

export function stop(message, exit = 2) {
  console.error(message);
  process.exit(exit);
}
