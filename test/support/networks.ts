import { existsSync, readdirSync } from 'node:fs';
import { execa } from 'execa';

const PLACES = '/run/netns';
/** Names of the networks begin with this, then the id of the process that runs the tests: see test/global-setup.ts. */
export const NETWORKS = 'autolab-tests-';
/** Addresses for documentation (RFC 5737): nobody else's, and known in these two networks alone. */
const ADDRESS = { near: '192.0.2.1', far: '192.0.2.2' };
/** Nobody's card: what is sent to it is lost, and no one is told. */
const NOWHERE = '02:00:00:00:00:00';

export type End = 'near' | 'far';
/** How the line may fail: an end is taken down, or all that one end sends is lost on the way. */
export const FAULTS = ['near is down', 'far is down', 'near is not heard', 'far is not heard'] as const;
export type Fault = (typeof FAULTS)[number];

/** Two networks of this machine that have nothing but a line between them; whoever is in neither is touched by none of it. */
export type Networks = {
  address: Readonly<Record<End, string>>;
  /** What is put before a command line so that it runs there. */
  into(end: End): readonly [string, ...string[]];
  fail(fault: Fault): Promise<void>;
  restore(fault: Fault): Promise<void>;
  close(): Promise<void>;
};

/** Makes them; needs root and iproute2. */
export async function makeNetworks(): Promise<Networks> {
  const start = `${NETWORKS}${process.ppid}-${process.pid}-`;
  const name = (end: End) => `${start}${end}`;
  const ip = async (...words: string[]) => void (await execa('ip', words));
  const at = (end: End, ...words: string[]) => ip('-n', name(end), ...words);
  const close = () => removeNetworks(start);
  try {
    await ip('netns', 'add', name('near'));
    await ip('netns', 'add', name('far'));
    await at('near', 'link', 'add', 'line', 'type', 'veth', 'peer', 'name', 'line', 'netns', name('far'));
    for (const end of ['near', 'far'] as const) {
      await at(end, 'address', 'add', `${ADDRESS[end]}/30`, 'dev', 'line');
      for (const card of ['lo', 'line']) await at(end, 'link', 'set', card, 'up');
    }
  } catch (error) {
    await close();
    throw error;
  }
  const lost = (end: End, verb: string[], card: string[]) =>
    at(end, 'neighbour', ...verb, ADDRESS[end === 'near' ? 'far' : 'near'], ...card, 'dev', 'line');
  const endOf = (fault: Fault): End => (fault.startsWith('near') ? 'near' : 'far');
  return {
    address: ADDRESS,
    into: (end) => ['nsenter', `--net=${PLACES}/${name(end)}`, '--'],
    fail: (fault) =>
      fault.endsWith('down')
        ? at(endOf(fault), 'link', 'set', 'line', 'down')
        : lost(endOf(fault), ['replace'], ['lladdr', NOWHERE, 'nud', 'permanent']),
    restore: (fault) =>
      fault.endsWith('down') ? at(endOf(fault), 'link', 'set', 'line', 'up') : lost(endOf(fault), ['delete'], []),
    close,
  };
}

/** Takes away those whose names begin so. */
export async function removeNetworks(start: string): Promise<void> {
  if (!existsSync(PLACES)) return;
  for (const name of readdirSync(PLACES)) if (name.startsWith(start)) await execa('ip', ['netns', 'delete', name]);
}
