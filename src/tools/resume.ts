import * as z from 'zod';
import { digest } from '../base/digest.ts';
import { Failure } from '../base/errors.ts';
import type { ActingPermit } from '../base/permit.ts';
import type { Acts } from '../context.ts';
import { liftPause, pauseWords, readPause } from '../policies/pause.ts';
import { stateFolder } from '../runs/home.ts';
import { readHolds } from '../runs/pause/holds.ts';
import { letGoHeld } from '../runs/pause/let-go.ts';
import type { Run } from '../runs/run.ts';
import { recover } from '../runs/submission/recovery.ts';
import { jobLines, jobsOut, jobsView, sweeping } from './pausing.ts';
import { tellAll } from './telling.ts';
import { defineTool } from './tool.ts';

const SUBJECT = { resume: 'submissions' };
const output = z.object({
  was: z.string().nullable().describe('The pause that has ended; null where there was none'),
  jobs: jobsOut,
  problems: z.array(z.string()),
  finished: z.array(z.string()).describe('Submissions that had stopped before their job was let go'),
  next: z.string(),
});

export default defineTool({
  name: 'resume',
  command: ['resume'],
  title: 'End the pause: submissions go on, and what it held is released',
  description:
    'Releases exactly what the pause held and is still held: what somebody else held, before or since on another job, stays so. Where a site cannot be asked, what it holds stays written down, and the same command again releases it.',
  audience: 'person',
  effect: 'write',
  confirms: 'always',
  input: z.strictObject({}),
  output,
  facts: async (_input, reads) => {
    const pause = readPause(stateFolder(reads.repo));
    return { acts: ['write'], subject: SUBJECT, summary: `end the pause${pause ? `: ${pauseWords(pause)}` : ''}` };
  },
  handle: async (_input, acts, permit) => {
    permit.check(digest(SUBJECT));
    if (!acts.caller.answer?.granted)
      throw new Failure('approval_unusable', {
        what: 'the pause was not ended',
        why: 'nobody answered on a terminal',
        next: 'run `autolab-mcp resume` in a terminal',
      });
    const state = stateFolder(acts.repo);
    return sweeping(state, 'resuming', async () => {
      // What cannot be read could not be released either: then it stays paused.
      readHolds(state);
      const pause = readPause(state);
      liftPause(state);
      const { jobs, problems } = await letGoHeld(acts.repo, state, acts.site, permit);
      const finished = await goOn(acts, permit);
      const isLeft = problems.length > 0 || jobs.some(({ what }) => what === 'still held');
      return {
        was: pause ? pauseWords(pause) : null,
        jobs: jobsView(jobs),
        problems,
        finished,
        next: isLeft ? '`autolab-mcp resume` again, for what is still held' : 'monitor_runs',
      };
    });
  },
  exit: (out) => (out.problems.length > 0 || out.jobs.some(({ what }) => what === 'still held') ? 1 : 0),
  text: (out) =>
    [
      out.was === null ? 'Nothing was paused.' : `Submissions go on; they were ${out.was}.`,
      ...jobLines(out.jobs),
      ...out.finished.map((one) => `  ${one}`),
      ...out.problems.map((one) => `problem: ${one}`),
      `Next: ${out.next}.`,
    ].join('\n'),
});

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
