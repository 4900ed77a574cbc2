import { createRequire } from 'node:module';
import { parentPort, workerData } from 'node:worker_threads';
import { changed, randomFrom } from './mutations.mjs';

/** Runs in a thread of its own, so that run.mjs can end what never ends and still knows the input from `shared`. */
const { file, seconds, most, seed, words, shared } = workerData;
const current = new Int32Array(shared, 0, 2);
const room = new Uint8Array(shared, 8);

const SLOTS = 1 << 16;
const hits = new Uint8Array(SLOTS);
const fourAtOnce = new Uint32Array(hits.buffer);
const known = new Uint8Array(SLOTS);
let before = 0;
globalThis.__hit = (place) => {
  const slot = before ^ place;
  hits[slot] = Math.min(255, (hits[slot] ?? 0) + 1);
  before = place >> 1;
};

const { target } = createRequire(import.meta.url)(file);
const random = randomFrom(seed);
const corpus = [];
const findings = new Map();
let executions = 0;
let edges = 0;

/** How often a pair of places was passed counts as 1, 2, 3, 4-7, 8-15, 16-31, 32-127 or more (as AFL has it). */
const CLASS = Uint8Array.from({ length: 256 }, (_, times) => {
  const least = [1, 2, 3, 4, 8, 16, 32, 128];
  return times === 0 ? 0 : 1 << least.filter((one) => one <= times).length - 1;
});

function isNew() {
  let fresh = false;
  for (let four = 0; four < fourAtOnce.length; four++) {
    if (fourAtOnce[four] === 0) continue;
    for (let slot = four * 4; slot < four * 4 + 4; slot++) {
      const seen = CLASS[hits[slot]];
      if ((seen & ~known[slot]) === 0) continue;
      if (known[slot] === 0) edges++;
      known[slot] |= seen;
      fresh = true;
    }
  }
  return fresh;
}

async function execute(input) {
  room.set(input);
  Atomics.store(current, 1, input.length);
  Atomics.add(current, 0, 1);
  hits.fill(0);
  before = 0;
  const finding = await target.judge(input);
  executions++;
  if (isNew()) corpus.push(input);
  if (finding && !findings.has(finding.key)) {
    findings.set(finding.key, input);
    parentPort.postMessage({ finding: finding.words, input });
  }
}

const seeds = target.seeds();
for (const input of seeds) {
  await execute(input);
  corpus.push(input);
}
const end = performance.now() + seconds * 1000;
while (most > 0 ? executions < most : performance.now() < end) {
  // What was found last leads on; what was there first still is what the reader takes.
  const from = random(2) === 0 ? corpus.length - 1 - random(Math.min(corpus.length, 50)) : random(corpus.length);
  const input = corpus[from];
  const other = corpus[random(corpus.length)];
  const own = target.words(input);
  await execute(changed(input, random, other, random(3) > 0 && own.length > 0 ? own : words));
}
parentPort.postMessage({ done: { executions, edges, corpus: corpus.length, seeds: seeds.length } });
