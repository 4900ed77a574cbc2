import { Failure } from '../../base/errors.ts';
import { formatIndices } from '../../base/indices.ts';
import { quote } from '../../base/text.ts';
import type { Answer } from './answers.ts';
import { isUnreachable, wordsOf } from './gridengine-answers.ts';
import type { Tasks } from './scheduler.ts';

/** `12:`, or `12:0-3,7` with our indices, which the script turns into Grid Engine's. */
export function taskWord({ id, indices }: Tasks): string {
  return `${id}:${indices === null ? '' : formatIndices(indices)}`;
}

/** What qhold or qrls said. They do the rest where one of the jobs is over, so their exit code says nothing (8.1.9). */
export function saidOf(part: string): (answer: Answer) => string {
  return (answer) => {
    const words = wordsOf(answer, part)
      .split('\n')
      .filter((line) => !/^modified hold of job/.test(line))
      .join('\n');
    if (isUnreachable(words))
      throw new Failure('scheduler_unreachable', {
        what: 'Grid Engine did not answer, so whether jobs are held is not known',
        next: 'call again in a minute; nothing that is running is touched',
        quoted: quote(words, 500),
      });
    return quote(words, 500);
  };
}
