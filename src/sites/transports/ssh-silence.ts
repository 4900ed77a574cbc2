import { runGroup } from './group.ts';
import { ourOwn } from './local.ts';
import type { SshHost } from './ssh-host.ts';
import { SSH_ENVIRONMENT } from './ssh-host.ts';

/** How long the far side may take until a command can be sent. Milliseconds. */
const READY_MS = 20_000;
/** A command that has said nothing for this long is asked after, and the host has as long to answer as to be ready. Milliseconds. */
const QUIET_MS = 12_000;
const ANSWER_MS = READY_MS;

/** How long a site that could not be heard is left alone, and how long it has to have kept somebody waiting for that. Milliseconds. */
const REST_MS = 5_000;
const WAITED_MS = 5_000;

/** Watches over one command: whether the line still carries anything. */
export type Watch = {
  /** Fires when nobody answers any more, or when the caller gives up. */
  signal: AbortSignal;
  ready(): void;
  heard(): void;
  over(): void;
  isSilent(): boolean;
};

/**
 * A line that is gone without a word is noticed within half a minute whatever the command's own limit is, which may be minutes: by how
 * long the far side takes to be ready, and then, while the command says nothing, by whether the host answers at all.
 */
export function watchOver(site: SshHost, given: AbortSignal | undefined): Watch {
  const [ending, over] = [new AbortController(), new AbortController()];
  let [isSilent, last] = [false, 0];
  const giveUp = () => {
    isSilent = true;
    ending.abort();
  };
  let timer = setTimeout(giveUp, READY_MS);
  const later = (ms: number) => {
    timer = setTimeout(() => void look(), ms);
  };
  const look = async () => {
    const quiet = performance.now() - last;
    if (quiet < QUIET_MS) return later(QUIET_MS - quiet);
    const isThere = await answers(site, over.signal);
    if (over.signal.aborted) return;
    if (isThere) later(QUIET_MS);
    else giveUp();
  };
  return {
    signal: given === undefined ? ending.signal : AbortSignal.any([given, ending.signal]),
    ready: () => {
      clearTimeout(timer);
      last = performance.now();
      later(QUIET_MS);
    },
    heard: () => {
      last = performance.now();
    },
    over: () => {
      clearTimeout(timer);
      over.abort();
    },
    isSilent: () => isSilent,
  };
}

/** Over the shared connection alone, never by another login; a host that refuses has answered. */
async function answers(site: SshHost, signal: AbortSignal): Promise<boolean> {
  const argv = [
    'ssh',
    '-o',
    'ControlMaster=no',
    '-o',
    'ProxyCommand=false',
    ...site.options,
    '-T',
    '--',
    site.host,
    'true',
  ] as const;
  const { timedOut } = await runGroup({ argv, env: ourOwn(SSH_ENVIRONMENT), stdin: '' }, { timeoutMs: ANSWER_MS, signal });
  return !timedOut;
}

/** Whether a site is left alone for the moment: one call asks it several things, and need not wait for each of them in vain. */
export class Rest {
  #until = 0;

  isOn(): boolean {
    return performance.now() < this.#until;
  }

  /** Something came to nothing after so long. */
  note(tookMs: number): void {
    if (tookMs >= WAITED_MS) this.#until = performance.now() + REST_MS;
  }
}
