import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { ROOT } from '../bundle.mjs';
import { FAULTS } from './faults.mjs';
import { ours } from './ours.mjs';
import { FAST, FULL } from './schedule.mjs';
import { shell } from './shell.mjs';

/** What was asked for on the command line; run.mjs says what it may be. */
export function readOptions() {
  const { values } = parseArgs({
    options: {
      fast: { type: 'boolean', default: false },
      only: { type: 'string' },
      design: { type: 'string' },
      seed: { type: 'string', default: '1' },
      width: { type: 'string', default: '12' },
      limit: { type: 'string' },
      results: { type: 'string' },
      page: { type: 'string' },
      render: { type: 'boolean', default: false },
    },
  });
  const { fast, only, design, render } = values;
  const designs = fast ? [ours] : [ours, shell];
  check(
    'design',
    design,
    designs.map(({ name }) => name),
  );
  check('fault', only, Object.keys(FAULTS));
  const isWhole = !fast && only === undefined && design === undefined;
  return {
    render,
    fast,
    designs: designs.filter(({ name }) => design === undefined || design.split(',').includes(name)),
    counts: fast ? FAST : FULL,
    isWanted: ({ fault }) => only === undefined || only.split(',').includes(fault),
    seed: Number(values.seed),
    width: Number(values.width),
    limitMs: 1000 * Number(values.limit ?? (fast ? 170 : 2700)),
    results: values.results ?? (fast ? undefined : join(ROOT, 'bench', 'trials', 'results.jsonl')),
    page: values.page ?? (isWhole || render ? join(ROOT, 'docs', 'reliability.md') : undefined),
  };
}

function check(what, words, known) {
  const unknown = words?.split(',').find((word) => !known.includes(word));
  if (unknown !== undefined) throw new Error(`there is no ${what} ${unknown}; there are ${known.join(', ')}`);
}
