// The preflight: can the plan be carried out? Exit 1 and a word on what cannot.
import { config, stop } from './place.mjs';

const { length, boxes, spacer, generation } = config();
if (boxes.join('').length + spacer > length) stop(`boxes and spacer take more than the ${length} bases there are`, 1);
if (boxes.some((box) => !/^[ACGT]+$/.test(box))) stop('a box holds something else than A, C, G and T', 1);
const names = generation.plan.map(({ name }) => name);
if (new Set(names).size !== names.length) stop('two quotas of the plan have one name', 1);
if (generation.plan.some(({ gc, sequences }) => !(gc >= 0 && gc <= 1) || !Number.isInteger(sequences) || sequences < 1))
  stop('a quota needs a number of sequences and a GC content from 0 to 1', 1);
