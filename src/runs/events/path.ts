import { basename, isAbsolute } from 'node:path';
import { z } from 'zod';
import { quote } from '../../base/text.ts';

const NAME = '.events.log';
const OTHER = `expected the event log of a dataset, whose file is named ${NAME} (such as outputs/usr_datasets/NAME/${NAME}); outputs/meta/events.jsonl is the generator’s own diagnostics, and is not read`;

/** `events` of launch.yaml: the log that a workload writes about itself, from the iteration's folder on, or in a workspace that is elsewhere. */
export const eventsPath = z.string().superRefine((path, context) => {
  const message = misfit(path);
  if (message !== undefined) context.addIssue({ code: 'custom', message });
});

function misfit(path: string): string | undefined {
  if (basename(path) !== NAME || path.endsWith('/')) return OTHER;
  if (/^[~-]|[\\\0\n\r]|(?:^|\/)\.\.\//.test(path))
    return 'expected a path inside the iteration or the workspace: without .. and without backslashes';
  const strange = [...path.matchAll(/\{([^}]*)\}?/g)].find(([word]) => word !== '{run_id}');
  return strange && `nothing is known to stand for ${quote(strange[0], 40)}; {run_id} is the id of the run`;
}

/** What is wrong with an absolute one: it is of a workspace that is named so, too, or of nothing that belongs to the run. */
export function strayEvents(events: string | undefined, workspace: string | undefined): string | undefined {
  if (events === undefined || !isAbsolute(events)) return undefined;
  const top = workspace?.replace(/\/+$/, '');
  if (top !== undefined && isAbsolute(top) && events.startsWith(`${top}/`)) return undefined;
  return 'an absolute path is in the workspace (resume.workspace), which is absolute, too; any other is from the iteration’s folder on';
}
