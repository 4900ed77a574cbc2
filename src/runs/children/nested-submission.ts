import { basename } from 'node:path';
import { Failure } from '../../base/errors.ts';

// Counts are bounded, since a line may be made so long that looking through it from each of its places takes hours.
/** Where a command can begin, with assignments, the programs that run another one, and their options before it. */
const BEGINS = String.raw`(?:^|[;&|(){!\x60]|\b(?:if|elif|while|until|then|do|else)\b)\s{0,99}(?:[A-Za-z_]\w{0,99}=\S{0,399}\s{1,99}){0,99}`;
const WRAPPERS = 'exec|eval|nohup|time|command|builtin|env|xargs|sudo|nice|timeout|setsid';
const WRAPPED = String.raw`(?:(?:${WRAPPERS})\s{1,99}(?:-(?![vV]\b)\S{0,399}\s{1,99}|\d\S{0,99}\s{1,99}|\{\}\s{1,99}|[A-Za-z_]\w{0,99}=\S{0,399}\s{1,99}){0,99}){0,20}`;
/** A batch system's submission program there. `srun` is none: it starts steps inside a job. */
const SUBMITS = new RegExp(
  String.raw`${BEGINS}${WRAPPED}\\?([^\s;&|()<>\x60]{0,399}/)?(sbatch|salloc|qsub|qrsh|qlogin)(?=[\s;&|)<>\x60]|$)`,
  'g',
);
/** What takes a quoted text for commands. */
const RUNS_TEXT = /(?:\beval|\btrap|\s-[A-Za-z]*c|\bssh\s+\S+)\s+$/;

/**
 * Refuses a shell script that would submit jobs of its own, where that can be seen. The text of a here-document counts as commands.
 * `recorded`: the program whose calls are recorded where launch.yaml declares them; by its name alone, since a path goes around that.
 */
export function refuseSubmitting(script: string, path: string, recorded?: string): void {
  for (const { line, folder, program } of callsIn(script)) {
    if (program === recorded && folder === '') continue;
    throw new Failure('script_submits', {
      what: `${path} line ${line} calls ${recorded === undefined ? '' : folder}${program}`,
      why: 'jobs that a job submits would be neither priced nor recorded',
      next: recorded === undefined ? asSteps(script, path) : `call ${recorded}, by its name alone: calls of it are recorded`,
    });
  }
}

type Call = { line: number; folder: string; program: string; rest: string };

function callsIn(script: string): Call[] {
  return script.split('\n').flatMap((text, at) =>
    [...commandsOf(text).matchAll(SUBMITS)].map(({ 0: all, 1: folder = '', 2: program = '', index, input }) => ({
      ...{ line: at + 1, folder, program },
      rest: input.slice(index + all.length),
    })),
  );
}

/** What to do instead: the steps that the calls would be, as far as they can be seen. */
function asSteps(script: string, path: string): string {
  const steps = new Map<string, string>();
  for (const { rest } of callsIn(script)) {
    const [, file = '', name = ''] =
      /(?:^|\s)((?:[\w.-]+\/)*([\w-]+)\.(?:sh|bash|sbatch|slurm))(?=[\s;&|)<>]|$)/.exec(rest) ?? [];
    const before = [...steps.keys()].at(-1);
    const after = before !== undefined && /(?:^|\s)(?:-d|--dependency)\b/.test(rest) ? `, after: [${before}]` : '';
    if (name !== '' && !steps.has(name)) steps.set(name, `{ name: ${name}, script: ${file}${after} }`);
  }
  const seen = steps.size === 0 ? '' : `: steps: [${[...steps.values()].join(', ')}]`;
  return `take the call out of ${basename(path)}, and write what it submits as steps of launch.yaml${seen}; or declare it there (submits: jobs and each), where limits.children of the policy allows that`;
}

/** A line of shell without its comment and without quoted text that is no command. */
function commandsOf(line: string): string {
  let out = '';
  for (let at = 0; at < line.length; at++) {
    const mark = line[at] ?? '';
    if (mark === '#' && (out === '' || /[\s;&|(]/.test(out.at(-1) ?? ''))) break;
    if (mark === '\\') {
      out += line.slice(at, at + 2);
      at++;
    } else if (mark === '"' || mark === "'") {
      const end = closing(line, at);
      out += quoted(line.slice(at + 1, end), mark, out);
      at = end;
    } else out += mark;
  }
  return out;
}

function closing(line: string, open: number): number {
  const rest = line.slice(open);
  const whole = (rest.startsWith('"') ? /^"(?:[^"\\]|\\.)*"/ : /^'[^']*'/).exec(rest)?.[0];
  return whole === undefined ? line.length : open + whole.length - 1;
}

function quoted(text: string, mark: string, before: string): string {
  if (RUNS_TEXT.test(before.slice(-200))) return `;${text};`;
  if (/^[\w./${}-]*$/.test(text)) return text;
  return mark === '"' ? (text.match(/\$\([^)]*\)?|`[^`]*`?/g) ?? []).join(' ') : '';
}
