// What goes wrong on purpose, by the variable PI_FAULT of launch/launch.yaml.
//   none      nothing
//   task:I    task I ends with exit code 1
//   short:I   task I draws half of its points, and says READY
//   stale:I   task I finds a batch of an earlier run with its READY, and leaves it as it is
//   bins      the histogram ends at 1.5, and what lies above is in no bin
// The first three are accidents: they happen to attempt 1 alone, so that the same task run again goes well. The last is a mistake in
// the plan: it happens every time, until the plan is another.
import { stop } from './place.mjs';

const text = process.env.PI_FAULT ?? 'none';
const [, kind, task] = /^(?:(task|short|stale):(\d+)|none|bins)$/.exec(text) ?? stop(`PI_FAULT is ${JSON.stringify(text)}`);

export function accident(index, attempt) {
  return attempt === 1 && Number(task) === index ? kind : undefined;
}

export const losesBins = text === 'bins';
