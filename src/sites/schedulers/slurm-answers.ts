import type { FailureCode } from '../../base/errors.ts';
import { Failure } from '../../base/errors.ts';
import { quote } from '../../base/text.ts';
import type { Output } from '../transports/transport.ts';
import type { Answer } from './answers.ts';
import { framed } from './answers.ts';

export type { Answer, Part } from './answers.ts';

/** Texts of Slurm's clients when it is not the request that is wrong but the way to the controller (slurm_errno.c, 20.11 to 25.x). */
const UNREACHABLE =
  /Unable to contact slurm controller|Socket timed out|Zero Bytes were transmitted|Transport endpoint is not connected|Connection (?:refused|reset|timed out)|Communication connection failure|Unexpected missing socket|Slurm backup controller in standby|controller not found|Resource temporarily unavailable|[Mm]unge|Invalid authentication credential|Protocol authentication error|Unable to connect to (?:slurmctld|database)|temporarily unable to/;

export function isUnreachable(text: string): boolean {
  return UNREACHABLE.test(text);
}

/** Takes an answer apart. Throws for one that is not whole: partial output proves nothing. */
export function readAnswer(output: Output, what: string): Answer {
  const answer = framed(output);
  if ('cut' in answer) throw unusable(what, answer.cut, output.stderr);
  return answer;
}

/** The output of a command that must have gone well. */
export function goodPart(answer: Answer, name: string, what: string): string {
  const part = answer.parts.get(name);
  if (!part) throw unusable(what, `${name} is missing`, answer.stderr);
  if (part.exit !== 0) throw unusable(what, `exit code ${part.exit}`, `${part.text}\n${answer.stderr}`.trim());
  return part.text;
}

/** Proof that the controller is there: an empty answer counts only with it. */
export function isHealthy(answer: Answer): boolean {
  const queue = answer.parts.get('queue');
  if (queue?.exit !== 0) return false;
  // squeue of 22.05 says this and ends with 0.
  if (/Invalid user/.test(answer.stderr)) return false;
  // Text that is no row, as a header or a site's banner, shows nothing.
  return queue.text.includes(`@${answer.word}@`) || /\bis UP\b/.test(answer.parts.get('ping')?.text ?? '');
}

export function unusable(what: string, why: string, words: string): Failure {
  const code: FailureCode = isUnreachable(words) ? 'scheduler_unreachable' : 'scheduler_answer';
  return new Failure(code, {
    what:
      code === 'scheduler_unreachable'
        ? `Slurm cannot be reached to ask about ${what}`
        : `Slurm’s answer about ${what} cannot be used`,
    why,
    next: 'call again in a minute, and run `autolab-mcp doctor` if it stays so; nothing that is running is touched',
    quoted: quote(words),
  });
}
