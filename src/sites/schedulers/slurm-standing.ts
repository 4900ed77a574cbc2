import type { Ask } from '../transports/transport.ts';
import type { JobId, Standing } from './scheduler.ts';
import { isOver, stateOf } from './slurm-states.ts';

const SCRIPT = `
LC_ALL=C
export LC_ALL
squeue -h -t all -r -o 'queue %T' -j "$1" 2>/dev/null
sacct -n -X -P -j "$1" -S uts1 -o State 2>/dev/null | sed 's/^/accounting /'
exit 0
`;

/**
 * Where a job of anybody's stands, by its id alone. An id that nobody knows may be another cluster's, or forgotten: that is no end.
 * Live in either means live, since accounting is late and the queue forgets.
 */
export function slurmStanding(id: JobId): Ask<Standing> {
  return {
    command: { argv: ['sh', '-s', '--', id], stdin: SCRIPT },
    read: ({ stdout, exit }) => {
      const rows = stdout.split('\n').filter((line) => /^(?:queue|accounting) /.test(line));
      const queue = rows.filter((line) => line.startsWith('queue '));
      // The queue is what is so now; accounting counts where the queue has forgotten.
      const words = (queue.length > 0 ? queue : rows).map((line) => line.slice(line.indexOf(' ') + 1));
      if (exit !== 0 || words.length === 0) return 'unknown';
      const states = words.map(stateOf);
      if (states.some((state) => state !== 'unknown' && !isOver(state))) return 'there';
      return states.every(isOver) ? 'gone' : 'unknown';
    },
  };
}
