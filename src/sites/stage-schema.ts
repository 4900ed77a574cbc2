import * as z from 'zod';

const within = z.string().regex(/^(?!\/)(?!.*(?:^|\/)\.\.(?:\/|$))[^\0\n]+$/, 'expected a path inside the repository, or `.`');

/** What is brought to a site that has its own files, where in it, and what must work there before it counts as staged. */
export const stageSchema = z.strictObject({
  copy: z
    .array(z.strictObject({ from: within, to: within }))
    .min(1)
    .optional()
    .describe('Tracked files under `from` go under `to` of the site’s root. Absent: the whole repository, as it lies here'),
  extras: z.array(within).optional().describe('Files that git does not track and that go along, by pattern'),
  allow: z
    .array(within)
    .optional()
    .describe('Files, by pattern, that go although they are large or look like secrets: somebody has looked at them'),
  test: z
    .array(z.array(z.string().regex(/^[^\0]*$/, 'expected text')).min(1))
    .optional()
    .describe('Commands that must end with 0 in the site’s root; the policy must list them'),
});
export type Stage = z.output<typeof stageSchema>;
