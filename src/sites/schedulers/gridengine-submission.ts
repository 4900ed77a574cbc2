import { Failure } from '../../base/errors.ts';
import { quote } from '../../base/text.ts';
import type { Output } from '../transports/transport.ts';
import { isUnreachable } from './gridengine-answers.ts';
import type { JobId } from './scheduler.ts';

/**
 * Texts with which the qmaster, a site's own checks (JSV), or qsub before it asks anybody, refuses for good (8.1.9; spellings of SGE 6.2 beside).
 * `Error reading answer list from qmaster` is not among them: it says nothing.
 */
const REFUSALS =
  /job rejected|[Jj]ob was rejected|denied: |unknown resource|is not a valid object name|not allowed in objectname|job name too long|no suitable queues|no submit host|not a submit host|neither submit nor admin host|Unknown option|ERROR! |Invalid (?:range|option|argument|value)|does not exist|Unable to read script file|is not allowed|no access to|too many (?:jobs|tasks)|exceeds (?:the )?(?:maximum|limit)|Rejected by|rejected by JSV|numerical value|not a consumable|parallel environment/;

/** The host may look, and not submit (8.1.9: `denied: host "vm" is not a submit host`; older ones: `is no submit host`). */
const NO_SUBMIT_HOST = /is not a submit host|is no submit host|neither submit nor admin host/;

/** What qsub printed of its own: the script's frame is no word of anybody. */
function spoken(output: Output): { lines: string[]; words: string } {
  const lines = output.stdout.split('\n').filter((line) => !/^(?:answer )?k[0-9a-f]{16}(?: end)?$/.test(line));
  return { lines, words: `${output.stderr}\n${lines.join('\n')}`.trim() };
}

/** The id of what qsub accepted, an array's without its range. An id counts whatever the exit code and stderr say; two different ones prove nothing. */
export function readSubmission(output: Output): JobId {
  const { lines, words } = spoken(output);
  const ids = new Set(
    lines.flatMap(
      (line) =>
        ID.exec(line.trim())
          ?.slice(1)
          .find((id) => id !== undefined) ?? [],
    ),
  );
  const [id] = ids;
  if (id !== undefined && id !== '0' && ids.size === 1) return id;
  const quoted = quote(words);
  if (ids.size > 1)
    throw new Failure('scheduler_answer', {
      what: 'qsub answered with several job ids',
      next: 'run `autolab-mcp monitor`',
      quoted,
    });
  const isDefinite = !output.timedOut && output.exit !== 0 && output.exit !== null && !isUnreachable(words);
  if (isDefinite && REFUSALS.test(words))
    throw new Failure('scheduler_refused', {
      what: NO_SUBMIT_HOST.test(words) ? 'Grid Engine takes no jobs from this host' : 'Grid Engine refused the job',
      ...(NO_SUBMIT_HOST.test(words)
        ? { why: 'it may look at the queue, and not submit: a working qstat is no right to submit' }
        : {}),
      next: NO_SUBMIT_HOST.test(words)
        ? 'run this on a submit host of the cluster (`qconf -ss` lists them)'
        : 'mend what it names in launch/launch.yaml, the script or design.yaml, and submit again',
      quoted,
    });
  throw new Failure(isUnreachable(words) ? 'scheduler_unreachable' : 'scheduler_answer', {
    what: 'qsub gave no job id',
    why: output.timedOut ? 'it took too long' : `exit code ${output.exit ?? output.signal ?? 'none'}`,
    next: 'call again: the job is looked up by its name before anything is submitted',
    quoted,
  });
}

/** `12`, `12.1-6:1`, or as qsub says it without -terse, which some sites' wrappers drop. */
const ID = /^(?:(\d+)(?:\.\d+-\d+:\d+)?|Your job(?:-array)? (\d+)(?:\.\d+-\d+:\d+)? .*has been submitted)$/;
