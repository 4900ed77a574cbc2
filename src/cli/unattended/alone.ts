import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Failure } from '../../base/errors.ts';
import { withLock } from '../../base/lock.ts';

/** How often one that stands by looks whether the other has ended. Milliseconds. */
const STANDBY_MS = 5_000;

/** Another program watches already. */
export type Held = { held: Failure };

/**
 * Runs `work` as the only one that watches this repository for this account, on whichever host the others are: the lock lies beside the
 * audit head, in the home that login nodes share. Where another watches, says so, or with `standBy` waits until it is gone or `stop` is given.
 */
export async function alone<T>(
  state: string,
  standBy: ((held: Failure) => void) | null,
  stop: AbortSignal,
  work: () => Promise<T>,
): Promise<T | Held> {
  for (;;) {
    let isMine = false;
    try {
      return await withLock(
        join(state, 'watch.lock'),
        'watching the runs of this repository',
        () => {
          isMine = true;
          return work();
        },
        0,
      );
    } catch (error) {
      if (isMine || !(error instanceof Failure) || error.code !== 'lock_held') throw error;
      const held = new Failure('lock_held', {
        what: `the runs of this repository are watched already: ${error.what}`,
        ...(error.why === undefined ? {} : { why: error.why }),
        next: 'leave it to that one, or start with --standby to take over when it ends',
      });
      if (standBy === null || stop.aborted) return { held };
      standBy(held);
      await sleep(STANDBY_MS, undefined, { signal: stop }).catch(() => undefined);
      if (stop.aborted) return { held };
    }
  }
}
