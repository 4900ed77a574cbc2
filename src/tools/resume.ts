import * as z from 'zod';
import { digest } from '../base/digest.ts';
import type { ActingPermit } from '../base/permit.ts';
import { boundary } from '../base/text.ts';
import type { Acts, Reads } from '../context.ts';
import type { Pause } from '../policies/pause.ts';
import { liftPause, pauseWords, readPause } from '../policies/pause.ts';
import { pauseFolder } from '../runs/home.ts';
import type { Hold } from '../runs/pause/holds.ts';
import { readHolds } from '../runs/pause/holds.ts';
import { letGoHeld } from '../runs/pause/let-go.ts';
import type { Run } from '../runs/run.ts';
import { recover } from '../runs/submission/recovery.ts';
import { dryRun } from './fields.ts';
import { jobLines, jobsOut, jobsView, sweeping } from './pausing.ts';
import { mustBeConfirmed } from './sealing.ts';
import { tellAll } from './telling.ts';
import { defineTool } from './tool.ts';

const SUBJECT = { resume: 'submissions' };
const COMMAND = ['resume'] as const;
const output = z.object({
  was: z.string().nullable().describe('The pause that has ended; null where there was none'),
  note: z.string().nullable().describe('What who paused said'),
  jobs: jobsOut,
  problems: z.array(z.string()),
  finished: z.array(z.string()).describe('Submissions that had stopped before their job was let go'),
  to_confirm: z.string().nullable(),
  next: z.string(),
});

export default defineTool({
  name: 'resume',
  command: COMMAND,
  title: 'End the pause: submissions go on, and what it held is released',
  description:
    'Releases exactly what the pause held and is still held: what somebody else held, before or since on another job, stays so. Where a site cannot be asked, what it holds stays written down, and the same command again releases it.',
  audience: 'person',
  effect: 'write',
  confirms: 'shown',
  input: z.strictObject({ dry_run: dryRun }),
  output,
  facts: async (_input, reads) => {
    const pause = readPause(pauseFolder(reads.repo));
    return { acts: ['write'], subject: SUBJECT, summary: `end the pause${pause ? `: ${pauseWords(pause)}` : ''}` };
  },
  preview: async ({ dry_run }, reads) => (dry_run ? preview(reads) : undefined),
  handle: async (_input, acts, permit) => {
    permit.check(digest(SUBJECT));
    const folder = pauseFolder(acts.repo);
    return sweeping(folder, 'resuming', async () => {
      // What cannot be read could not be released either: then it stays paused.
      const holds = readHolds(folder);
      const pause = readPause(folder);
      const bound = boundTo(pause, holds);
      // Whoever resumes has seen this pause: who paused, and why. Of another one since then they know nothing.
      if (bound !== null) mustBeConfirmed({ command: COMMAND }, acts, bound, 'who paused, and why, are');
      liftPause(folder);
      const { jobs, problems } = await letGoHeld(acts.repo, folder, acts.site, permit);
      const finished = await goOn(acts, permit);
      const isLeft = problems.length > 0 || jobs.some(({ what }) => what === 'still held');
      return {
        was: pause ? pauseWords(pause) : null,
        note: pause?.note ?? null,
        jobs: jobsView(jobs),
        problems,
        finished,
        to_confirm: null,
        next: isLeft ? '`autolab-mcp resume` again, for what is still held' : 'monitor_runs',
      };
    });
  },
  exit: (out) => (out.problems.length > 0 || out.jobs.some(({ what }) => what === 'still held') ? 1 : 0),
  text: (out) =>
    [
      ...(out.to_confirm === null ? [] : shown(out)),
      out.to_confirm !== null ? '' : out.was === null ? 'Nothing was paused.' : `Submissions go on; they were ${out.was}.`,
      ...jobLines(out.jobs),
      ...out.finished.map((one) => `  ${one}`),
      ...out.problems.map((one) => `problem: ${one}`),
      out.to_confirm === null ? `Next: ${out.next}.` : '',
    ]
      .filter(Boolean)
      .join('\n'),
});

/** What a person sees before they resume. */
function preview(reads: Reads): z.output<typeof output> {
  const folder = pauseFolder(reads.repo);
  const [holds, pause] = [readHolds(folder), readPause(folder)];
  return {
    was: pause ? pauseWords(pause) : null,
    note: pause?.note ?? null,
    jobs: jobsView(holds.map(({ run, site, job, indices }) => ({ run, site, job, tasks: indices?.length ?? 1, what: 'held' }))),
    problems: [],
    finished: [],
    to_confirm: boundTo(pause, holds),
    next: '`autolab-mcp resume` in a terminal',
  };
}

/** What the word of a person is for: this pause, or what one that has ended still holds. */
function boundTo(pause: Pause | undefined, holds: readonly Hold[]): string | null {
  if (!pause) return holds.length === 0 ? null : digest({ resume: 'holds' });
  return digest({ resume: pause });
}

function shown({ was, note, jobs }: z.output<typeof output>): string[] {
  return [
    was === null ? 'Nothing is paused any more, and a pause that has ended still holds jobs.' : `Submissions are ${was}.`,
    note === null ? '' : boundary(note, 'note'),
    jobs.length === 0 ? 'It holds no job.' : 'To be released, where it is still held:',
  ];
}

/** What was accepted and not let go while the pause stood, if the policy it was decided under still does. */
async function goOn(acts: Acts, permit: ActingPermit): Promise<string[]> {
  const { problems, seal, version } = acts.policy();
  const holds = problems.length === 0 && seal.breaches.length === 0;
  const changed: Run[] = [];
  const found = await recover(acts.repo, acts.site, permit, holds ? version : null, async (run) => {
    changed.push(run);
  });
  await tellAll(acts, changed);
  return found.map(({ run, found: what }) => `run ${run}: ${what}`);
}
