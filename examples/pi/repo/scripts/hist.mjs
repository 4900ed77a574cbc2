// Step hist: one histogram of the r2 of all batches that are READY, in runs/<run>/hist/r2.npz.
// Like numpy.histogram it leaves out, without a word, what lies outside its range.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { losesBins } from './fault.mjs';
import { npz, readNpy } from './numpy.mjs';
import { config, inRun, writeWhole } from './place.mjs';

const { bins, range } = config();
const [low, high] = losesBins ? [range[0], 1.5] : range;
const edge = (at) => low + (at * (high - low)) / bins;
const histval = new BigInt64Array(bins);
const batches = readdirSync(inRun('batches'))
  .map((name) => inRun('batches', name))
  .filter((folder) => existsSync(join(folder, 'READY')));

for (const folder of batches) {
  for (const r2 of readNpy(readFileSync(join(folder, 'r2.npy')))) {
    const bin = Math.floor(((r2 - low) * bins) / (high - low));
    if (bin >= 0 && bin < bins) histval[bin] += 1n;
  }
}
writeWhole(
  inRun('hist', 'r2.npz'),
  npz({
    histval,
    binedges: Float64Array.from({ length: bins + 1 }, (_, at) => edge(at)),
    bincenters: Float64Array.from({ length: bins }, (_, at) => edge(at + 0.5)),
  }),
);
console.log(`histogram of ${batches.length} batches`);
