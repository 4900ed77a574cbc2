import { setTimeout as sleep } from 'node:timers/promises';
import { FAULTS } from './faults.mjs';
import { judge } from './judge.mjs';

/** A trial that takes longer than this is not judged, which counts against the design. */
const LIMIT_MS = 240_000;

/**
 * One trial: a fresh repository, the fault, then the next caller until it is told that all is over, then the judge. Always gives a record;
 * what went wrong with the trial itself makes it `not judged`.
 */
export async function runTrial(cluster, design, spec) {
  const began = Date.now();
  const notes = { said: [] };
  let folder;
  const record = (rest) => ({ ...spec, ...rest, said: notes.said, took: Math.round((Date.now() - began) / 100) / 10 });
  const patience = new AbortController();
  const limit = sleep(LIMIT_MS, 'late', { signal: patience.signal }).catch(() => undefined);
  try {
    folder = await cluster.make(`t${spec.n}-${design.name}`, spec.shape);
    const trial = { ...spec, cluster, folder, cwd: design.place(folder) };
    const done = await Promise.race([carryOut(trial, design, notes), limit]);
    return record(done === 'late' ? { outcome: 'not judged', detail: `not over after ${LIMIT_MS / 1000} s` } : done);
  } catch (error) {
    return record({ outcome: 'not judged', detail: `${error instanceof Error ? error.stack : error}`.slice(0, 1000) });
  } finally {
    patience.abort();
    if (folder !== undefined) await cluster.remove(folder);
  }
}

async function carryOut(trial, design, notes) {
  const disturbed = await FAULTS[trial.fault].meddle(trial, design);
  for (const { exit, signal, stdout, stderr } of disturbed)
    notes.said.push(`disturbed ${signal ?? exit}: ${(stderr || stdout).trim().slice(0, 200)}`);
  const { verdict, said } = await design.settle(trial);
  notes.said.push(...said);
  return judge(trial, verdict);
}
