// Step estimate: pi is four times the share of the points whose r2 lies below 1, out of hist/r2.npz; runs/<run>/estimate/pi.json.
import { readFileSync } from 'node:fs';
import { readNpz } from './numpy.mjs';
import { inRun, runId, writeWhole } from './place.mjs';

const { histval, binedges } = readNpz(readFileSync(inRun('hist', 'r2.npz')));
const samples = total(histval);
// Half a bin below 1 is in no bin's doubt: 1 is an edge, but for rounding.
const within = total(histval.filter((_, at) => (binedges[at] + binedges[at + 1]) / 2 < 1));
const share = within / samples;
const pi = 4 * share;
const standard_error = 4 * Math.sqrt((share * (1 - share)) / samples);
writeWhole(inRun('estimate', 'pi.json'), `${JSON.stringify({ run_id: runId(), samples, within, pi, standard_error })}\n`);
console.log(`pi is ${pi.toFixed(5)} +- ${standard_error.toFixed(5)}`);

function total(counts) {
  return Number(counts.reduce((sum, count) => sum + count, 0n));
}
