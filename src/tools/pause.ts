import * as z from 'zod';
import { digest } from '../base/digest.ts';
import { instant } from '../base/ids.ts';
import { clean } from '../base/text.ts';
import type { Acts } from '../context.ts';
import type { Pause } from '../policies/pause.ts';
import { pauseWords, writePause } from '../policies/pause.ts';
import { pauseFolder } from '../runs/home.ts';
import { holdWaiting } from '../runs/pause/hold.ts';
import { jobLines, jobsOut, jobsView, sweeping } from './pausing.ts';
import { defineTool } from './tool.ts';

const input = z.strictObject({
  note: z.string().min(1).max(500).optional().describe('Why, for those who are refused meanwhile'),
});
const output = z.object({
  since: z.string().nullable(),
  by: z.string().nullable(),
  note: z.string().nullable(),
  jobs: jobsOut,
  problems: z.array(z.string()),
  next: z.string(),
});
const subjectOf = (note: string | undefined) => ({ pause: note ?? null });

export default defineTool({
  name: 'pause',
  command: ['pause'],
  title: 'Stop submissions at once, and hold what waits',
  description:
    'From this moment nothing of this repository is submitted, retried or let go, whoever calls and whatever the policy says; what waits of its own runs is held at its schedulers. What runs goes on: cancel ends it. Anybody may pause, a person resumes. Calling it again holds what could not be held before.',
  audience: 'command',
  effect: 'write',
  input,
  output,
  stops: async ({ note }, acts) => {
    const pause = write(acts, note);
    return `Submissions are stopped all the same: ${pauseWords(pause)}. Whether what waits is held is not known; call pause again.`;
  },
  facts: async ({ note }) => ({
    acts: ['write'],
    subject: subjectOf(note),
    summary: `stop submissions, and hold what waits${note === undefined ? '' : `: ${clean(note)}`}`,
    onlyStops: true,
  }),
  handle: async ({ note }, acts, permit) => {
    permit.check(digest(subjectOf(note)));
    const folder = pauseFolder(acts.repo);
    return sweeping(folder, 'pausing', async () => {
      // A resume that was under way has ended the pause that was written at first; whoever pauses after it finds all paused.
      const { at, by, note: why } = write(acts, note);
      const { jobs, problems } = await holdWaiting(acts.repo, folder, acts.site, permit);
      return {
        since: at,
        by,
        note: why,
        jobs: jobsView(jobs),
        problems,
        next: 'a person runs `autolab-mcp resume`; cancel_run ends what runs',
      };
    });
  },
  exit: (out) => (out.problems.length > 0 || out.jobs.some(({ what }) => what === 'not held') ? 1 : 0),
  text: (out) =>
    [
      `${out.since === null ? 'Paused' : `Paused since ${out.since} by ${out.by}`}${out.note === null ? '' : ` (${JSON.stringify(out.note)})`}: nothing is submitted or let go.`,
      ...jobLines(out.jobs),
      out.jobs.length === 0 && out.problems.length === 0 ? 'Nothing of ours is at a scheduler.' : '',
      ...out.problems.map((one) => `problem: ${one}`),
      `Next: ${out.next}.`,
    ]
      .filter(Boolean)
      .join('\n'),
});

/** The pause that stands from then on: the one there is, or one by who calls. */
function write({ repo, user, caller }: Acts, note: string | undefined): Pause {
  const by = clean(`${user}@${caller.host}`).slice(0, 200);
  return writePause(pauseFolder(repo), { at: instant(), by, note: note === undefined ? null : clean(note) });
}
