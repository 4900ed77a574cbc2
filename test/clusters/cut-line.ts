import { setTimeout as sleep } from 'node:timers/promises';
import type { Networks } from '../support/networks.ts';
import { FAULTS } from '../support/networks.ts';

/** One call of the command line, and what came of it. */
export type Call = { command: string; ms: number; exit: number; stderr: string };

/** How long the line fails, in milliseconds, each with the part of all up to which it is drawn: short ones mostly, and some that last. */
const FAILS = [
  { upTo: 0.65, least: 200, most: 3_000 },
  { upTo: 0.92, least: 3_000, most: 10_000 },
  { upTo: 1, least: 10_000, most: 25_000 },
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

/** Lets the line fail and come back until then; it works when this is over, whatever happens. Gives how often, and for how long in all. */
export async function cutting(networks: Networks, seed: number, end: number): Promise<{ cuts: number; seconds: number }> {
  const draw = numbers(seed);
  const within = ({ least, most }: { least: number; most: number }) => least + draw() * (most - least);
  let [cuts, failed] = [0, 0];
  while (true) {
    await sleep(within(WORKS));
    if (Date.now() >= end) return { cuts, seconds: failed / 1000 };
    const fault = FAULTS[Math.floor(draw() * FAULTS.length)] ?? FAULTS[0];
    const at = draw();
    const length = FAILS.find(({ upTo }) => at < upTo);
    await networks.fail(fault);
    const began = performance.now();
    await sleep(length ? within(length) : 0);
    await networks.restore(fault);
    failed += performance.now() - began;
    cuts++;
  }
}

/** The figures of a trial, a line each. */
export function table(
  calls: readonly Call[],
  cuts: number,
  seconds: number,
  runs: Readonly<Record<string, readonly string[]>>,
): string {
  const commands = [...new Set(calls.map(({ command }) => command))];
  const lines = commands.map((command) => {
    const own = calls.filter((call) => call.command === command);
    const longest = Math.max(...own.map(({ ms }) => ms)) / 1000;
    const failures = own.filter(({ exit }) => exit !== 0);
    const codes = failures.map(({ stderr }) => /"code":"(\w+)"/.exec(stderr)?.[1] ?? 'answered');
    const counted = [...new Set(codes)].map((code) => `${code} ${codes.filter((one) => one === code).length}`);
    return `${command}: ${own.length} calls, ${failures.length} failed (${counted.join(', ')}), the longest ${longest.toFixed(1)} s`;
  });
  const lives = Object.entries(runs).map(([kind, ids]) => `${ids.length} ${kind}`);
  return [`${cuts} cuts of ${seconds.toFixed(0)} s in all; runs: ${lives.join(', ')}`, ...lines].join('\n');
}
