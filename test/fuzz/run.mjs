import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { Worker } from 'node:worker_threads';
import { bundle, ROOT } from './counted.mjs';

/** In seconds of this process's processor time: a call that has not come back by then never will. */
const ENDLESS = 30;
const LARGEST = 1 << 20;
const HERE = join(ROOT, 'test', 'fuzz');

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '60' },
    /** In the place of seconds, so that the same seed gives the same search. */
    executions: { type: 'string', default: '0' },
    seed: { type: 'string', default: String(Date.now() % 2 ** 31) },
    only: { type: 'string' },
    /** A target that is not in targets/, and where to keep what it finds. */
    file: { type: 'string' },
    found: { type: 'string', default: join(HERE, 'found') },
  },
});
const all = readdirSync(join(HERE, 'targets')).map((name) => join(HERE, 'targets', name));
const targets = values.file ? [resolve(values.file)] : all.filter((file) => !values.only || basename(file, '.ts') === values.only);
if (targets.length === 0 || !(Number(values.seconds) > 0) || !Number.isInteger(Number(values.seed))) {
  console.error(`npm run fuzz [-- --seconds N] [--seed N] [--only ${all.map((file) => basename(file, '.ts')).join('|')}]`);
  process.exit(2);
}

const folder = mkdtempSync(join(tmpdir(), 'fuzz-'));
process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
let found = 0;
for (const target of targets) found += await fuzz(target);
process.exit(found === 0 ? 0 : 1);

/** How many findings there were. */
async function fuzz(target) {
  const name = basename(target, '.ts');
  const file = join(folder, `${name}.cjs`);
  const { words } = await bundle(target, file);
  const findings = [];
  const keep = (finding, input) => {
    const path = join(values.found, name, createHash('sha256').update(input).digest('hex').slice(0, 16));
    mkdirSync(join(values.found, name), { recursive: true });
    writeFileSync(path, input);
    findings.push(finding);
    console.log(`${name}: ${finding}\n  kept as ${path}`);
  };
  const done = await search({ file, words, seconds: Number(values.seconds), most: Number(values.executions), seed: Number(values.seed) }, keep);
  const counts = done ? `${done.executions} executions, ${done.edges} edges, ${done.corpus} inputs from ${done.seeds} seeds` : 'ended early';
  console.log(`${name}: ${counts}, ${findings.length} findings (seed ${values.seed})`);
  return findings.length;
}

function search(data, keep) {
  const shared = new SharedArrayBuffer(8 + LARGEST);
  const current = new Int32Array(shared, 0, 2);
  const worker = new Worker(new URL('./search.mjs', import.meta.url), {
    workerData: { ...data, shared },
    env: { ...process.env, TMPDIR: folder },
    resourceLimits: { maxOldGenerationSizeMb: 1024 },
  });
  return new Promise((settle) => {
    let done;
    let stopped = false;
    const input = () => Buffer.from(new Uint8Array(shared, 8, current[1]));
    let [nth, since] = [0, process.cpuUsage()];
    const watch = setInterval(() => {
      if (current[0] !== nth) [nth, since] = [current[0], process.cpuUsage()];
      else if (nth > 0 && !done && process.cpuUsage(since).user / 1e6 > ENDLESS && !stopped) {
        stopped = true;
        keep('does not come back', input());
        worker.terminate();
      }
    }, 500);
    worker.on('message', (message) => {
      if (message.done) done = message.done;
      else keep(message.finding, Buffer.from(message.input));
    });
    worker.on('error', (error) => keep(`thrown where nobody catches it: ${error.stack ?? error}`, input()));
    worker.on('exit', () => {
      clearInterval(watch);
      settle(done);
    });
  });
}
