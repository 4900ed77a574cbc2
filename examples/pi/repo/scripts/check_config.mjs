// Preflight of launch.yaml: what the run would stumble over, told before there is any job. Starts in the iteration's folder.
// Exit 1: what is wrong, a line each.
import { readFileSync } from 'node:fs';
import { config, stop } from './place.mjs';

const { samples, bins, range } = config();
const [, last] =
  /name: gen,.*indices: "0-(\d+)"/.exec(readFileSync('launch/launch.yaml', 'utf8')) ?? stop('gen has no array of 0-N', 1);
const tasks = Number(last) + 1;
const isCount = (value) => Number.isSafeInteger(value) && value > 0;
const wrong = [
  !isCount(samples) && `samples is ${JSON.stringify(samples)}; expected a whole number above 0`,
  isCount(samples) && samples % tasks !== 0 && `samples is ${samples}, which ${tasks} tasks cannot share evenly`,
  isCount(samples) && samples < 1000 * tasks && `samples is ${samples}; expected 1000 or more a task`,
  (!isCount(bins) || bins % 2 !== 0) && `bins is ${JSON.stringify(bins)}; expected an even number`,
  !(range?.[0] === 0 && range[1] >= 2) && `range is ${JSON.stringify(range)}; squared distances go from 0 to 2`,
].filter(Boolean);
if (wrong.length > 0) stop(wrong.join('\n'), 1);
console.log(`${samples} samples in ${tasks} tasks, ${bins} bins`);
