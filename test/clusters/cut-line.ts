import { setTimeout as sleep } from 'node:timers/promises';
import { FAULTS } from '../support/networks.ts';
import type { Call, Kind, Laptop } from './laptop.ts';

/** How often the line has failed, how often with its connections, and for how long in all. */
export type Cuts = { cuts: number; broken: number; seconds: number };

/** How long the line fails, in milliseconds, each with the part of all up to which it is drawn: short ones mostly, and some that last. */
const FAILS = [
  { upTo: 0.75, least: 200, most: 2_500 },
  { upTo: 0.95, least: 2_500, most: 8_000 },
  { upTo: 1, least: 8_000, most: 25_000 },
];
/** And how long it carries everything. */
const WORKS = { least: 300, most: 5_000 };

/** Numbers from 0 up to 1 that a seed gives (Park and Miller, 1988). */
function numbers(seed: number): () => number {
  let last = seed;
  return () => {
    last = (last * 16807) % 2147483647;
    return last / 2147483647;
  };
}

/** What part of the failures no connection outlives, as when a firewall in between forgets them. */
const BREAKS = 0.4;

/** Lets the line fail and come back as long as it is to; it works when this is over. */
export async function cutting({ networks, sshd }: Laptop, seed: number, isOn: () => boolean): Promise<Cuts> {
  const draw = numbers(seed);
  const within = ({ least, most }: { least: number; most: number }) => least + draw() * (most - least);
  let [cuts, broken, failed] = [0, 0, 0];
  while (true) {
    await sleep(within(WORKS));
    if (!isOn()) return { cuts, broken, seconds: failed / 1000 };
    const fault = FAULTS[Math.floor(draw() * FAULTS.length)] ?? FAULTS[0];
    const at = draw();
    const length = FAILS.find(({ upTo }) => at < upTo);
    await networks.fail(fault);
    const breaks = draw() < BREAKS ? await sshd.connections() : [];
    for (const pid of breaks) process.kill(pid);
    if (breaks.length > 0) broken++;
    const began = performance.now();
    await sleep(length ? within(length) : 0);
    await networks.restore(fault);
    failed += performance.now() - began;
    cuts++;
  }
}

/** Whether a call told of the line, whatever it came to. */
export function isTroubled({ said }: Call): boolean {
  return /cannot be reached|broke before|was cut|not ready in time|(?:did|does) not answer/.test(said);
}

/** The figures of a trial, a line each. */
export function table(calls: readonly Call[], { cuts, broken, seconds }: Cuts, all: readonly { kind: Kind }[]): string {
  const commands = [...new Set(calls.map(({ command }) => command))];
  const lines = commands.map((command) => {
    const own = calls.filter((call) => call.command === command);
    const longest = Math.max(...own.map(({ ms }) => ms)) / 1000;
    const troubled = own.filter(isTroubled);
    const failed = own.filter(({ exit }) => exit !== 0).length;
    return `${command}: ${own.length} calls, of which the line troubled ${troubled.length} and ${failed} ended with another code than 0, the longest ${longest.toFixed(1)} s`;
  });
  const lives = [...new Set(all.map(({ kind }) => kind))].map(
    (kind) => `${all.filter((one) => one.kind === kind).length} ${kind}`,
  );
  return [
    `${cuts} cuts of ${seconds.toFixed(0)} s in all, ${broken} with the connections; runs: ${lives.join(', ')}`,
    ...lines,
  ].join('\n');
}
