import { Failure } from '../../base/errors.ts';
import { quote } from '../../base/text.ts';
import type { Output } from '../transports/transport.ts';
import type { JobId } from './scheduler.ts';
import { isUnreachable } from './slurm-answers.ts';

/**
 * Texts with which the controller, or sbatch before it asks the controller, refuses for good (slurm_errno.c; spellings of 20.11 to 25.x).
 * What is not here is ambiguous: the job is looked up before anything else is done.
 */
const REFUSALS =
  /[Ii]nvalid (?:partition|account|qos|job array|time limit|wckey|generic resource|feature|node name|constraint|job dependency|dependency|license|gres|Trackable RESource|--|argument|option|reservation|user|job credential|directory)|Requested (?:node configuration|time limit|partition configuration|operation|nodes? (?:is|are) |GRES|reservation)|(?:Job )?violates accounting\/QOS policy|User's group not permitted|not permitted to use|Access\/permission denied|More processors requested than permitted|Memory (?:specification|required by task)|Node count specification invalid|CPU count (?:per node|specification)|Unable to open file|unrecognized option|unknown option|Batch script (?:is empty|contains)|This does not look like a batch script|Pathname of a file, directory or other parameter too long|exceeds? (?:the )?(?:partition|limit|MaxArraySize|configured)|Job dependency problem|Job size specification|Unspecified error in (?:job_submit|plugin)|Slurm job_submit plugin|No partition specified or system default partition|Requested data not available/;

/** An id on a line of its own, with its cluster on a federated site, or as sbatch says it without --parsable, which some sites' wrappers drop. */
const ID = /^(?:Submitted batch job )?(\d+)(?:;[\w.-]+| on cluster \S+)?$/;

/** The id of what sbatch accepted. An id counts whatever the exit code and stderr say; two different ones prove nothing. */
export function readSubmission(output: Output): JobId {
  const ids = new Set(output.stdout.split('\n').flatMap((line) => ID.exec(line.trim())?.[1] ?? []));
  const [id] = ids;
  if (id !== undefined && id !== '0' && ids.size === 1) return id;
  const words = `${output.stderr}\n${output.stdout}`.trim();
  const quoted = quote(words);
  if (ids.size > 1)
    throw new Failure('scheduler_answer', {
      what: 'sbatch answered with several job ids',
      next: 'run `autolab-mcp monitor`',
      quoted,
    });
  if (!output.timedOut && output.exit !== 0 && output.exit !== null && REFUSALS.test(words) && !isUnreachable(words))
    throw new Failure('scheduler_refused', {
      what: 'Slurm refused the job',
      next: 'mend what it names in launch/launch.yaml, the script or design.yaml, and submit again',
      quoted,
    });
  throw new Failure(isUnreachable(words) ? 'scheduler_unreachable' : 'scheduler_answer', {
    what: 'sbatch gave no job id',
    why: output.timedOut ? 'it took too long' : `exit code ${output.exit ?? output.signal ?? 'none'}`,
    next: 'call again: the job is looked up by its name before anything is submitted',
    quoted,
  });
}
