import type { FailureCode } from '../../base/errors.ts';
import { Failure } from '../../base/errors.ts';
import { quote } from '../../base/text.ts';
import type { Output } from '../transports/transport.ts';
import type { Answer } from './answers.ts';
import { framed } from './answers.ts';

/** Texts of the clients when it is not the request that is wrong but the way to the qmaster (8.1.9; sge_commlib, sge_gdi). */
const UNREACHABLE =
  /commlib error|unable to send message to qmaster|got (?:send|receive|select) (?:error|timeout)|unable to contact qmaster|failed receiving gdi request|can't (?:resolve hostname|get qmaster)|act_qmaster|SGE_ROOT directory|cell directory|critical error: unrecoverable error|qmaster is not|Connection refused/;

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
  if (part.exit !== 0) throw unusable(what, `exit code ${part.exit}`, wordsOf(answer, name));
  return part.text;
}

/** What a part and the errors of the whole answer say. */
export function wordsOf(answer: Answer, name: string): string {
  return `${answer.parts.get(name)?.text ?? ''}\n${answer.stderr}`.trim();
}

/**
 * Proof that the qmaster is there: its list is whole, and where that is empty it answered another question besides. `qstat` of a user whom
 * nobody knows is an empty list with exit code 0 (8.1.9).
 */
export function isHealthy(answer: Answer): boolean {
  const queue = answer.parts.get('queue');
  if (queue?.exit !== 0 || !isWholeList(queue.text)) return false;
  return /<job_list\b/.test(queue.text) || answer.parts.get('health')?.exit === 0;
}

export function isWholeList(text: string): boolean {
  return /<job_info\b/.test(text) && text.trimEnd().endsWith('</job_info>');
}

export function unusable(what: string, why: string, words: string): Failure {
  const code: FailureCode = isUnreachable(words) ? 'scheduler_unreachable' : 'scheduler_answer';
  return new Failure(code, {
    what:
      code === 'scheduler_unreachable'
        ? `Grid Engine cannot be reached to ask about ${what}`
        : `Grid Engine’s answer about ${what} cannot be used`,
    why,
    next: 'call again in a minute, and run `autolab-mcp doctor` if it stays so; nothing that is running is touched',
    quoted: quote(words),
  });
}
