import { expect, test } from 'vitest';
import { noteTrial } from '../support/trials.ts';
import { explore } from './explore.ts';
import type { Rules } from './state.ts';

/** Everything at once costs minutes: by hand, AUTOLAB_MODEL=whole explores two callers with three faults, too. */
const isWhole = process.env.AUTOLAB_MODEL === 'whole';

test.each<[string, Rules]>([
  ['one caller, two faults, a scheduler that forgets', { callers: 1, attempts: 2, faults: isWhole ? 3 : 2, forgets: true }],
  ['one caller, three faults, a scheduler that keeps everything', { callers: 1, attempts: 2, faults: 3, forgets: false }],
  ['two callers, two faults', { callers: 2, attempts: 2, faults: isWhole ? 3 : 2, forgets: false }],
  ['two callers, a fault, a scheduler that forgets', { callers: 2, attempts: 2, faults: isWhole ? 2 : 1, forgets: true }],
  ['three callers, a fault', { callers: 3, attempts: 2, faults: 1, forgets: false }],
])(
  '%s: whatever happens in whatever order, nothing is lost or run twice, and all comes to rest',
  { timeout: 600_000 },
  (operation, rules) => {
    const { states, steps, counterexample } = explore(rules, 20_000_000);
    expect(counterexample).toBeUndefined();
    expect(states).toBeGreaterThan(1000);
    const detail = `${rules.callers} callers, ${rules.attempts} attempts, ${rules.faults} faults, ${steps} steps`;
    noteTrial({ suite: 'model', site: 'none', operation, call: 'states', nth: states, outcome: 'held', detail });
  },
);

test.each<[NonNullable<Rules['without']>, Partial<Rules>]>([
  ['claim', { faults: 2 }],
  ['hold', { faults: 1 }],
  ['look-up', { faults: 2 }],
  ['memory', { faults: 2, forgets: true }],
  ['released', { faults: 1 }],
  ['intent first', { faults: 1 }],
  ['given up', { faults: 2 }],
  ['wait for it', { faults: 1 }],
  ['end of what is refused', { faults: 2 }],
  ['watch what was let go', { faults: 2 }],
])(
  'without its %s the protocol fails, and the exploration finds the shortest way to it',
  { timeout: 120_000 },
  (without, change) => {
    const { counterexample } = explore({ callers: 1, attempts: 2, faults: 1, forgets: false, without, ...change });
    expect({ without, ...counterexample }).toMatchSnapshot();
    expect(counterexample).toBeDefined();
  },
);
