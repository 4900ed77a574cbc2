import { Failure } from '../../src/base/errors.ts';
import type { Reader } from '../hostile/reader.ts';

/** Processor time that one call may take, in microseconds. */
const MOST = 2_000_000;

export type Finding = { key: string; words: string };
/** Readers of one family. The first byte of an input says for which of them the others are. */
export type Target = {
  readers: readonly Reader[];
  seeds(): Uint8Array[];
  words(input: Uint8Array): readonly string[];
  judge(input: Uint8Array): Promise<Finding | undefined>;
};

/** `bytes` where inputs are no text: each character of what is read is one of them then. */
export function target(readers: readonly Reader[], kind: 'text' | 'bytes' = 'text'): Target {
  const encoding = kind === 'bytes' ? 'latin1' : 'utf8';
  const of = (input: Uint8Array) => readers[(input[0] ?? 0) % readers.length];
  return {
    readers,
    seeds: () =>
      readers.flatMap(({ seeds }, nth) => seeds.map((seed) => Buffer.concat([Buffer.from([nth]), Buffer.from(seed, encoding)]))),
    words: (input) => of(input)?.words ?? [],
    judge: async (input) => {
      const reader = of(input);
      return reader && judge(reader, Buffer.from(input.subarray(1)).toString(encoding));
    },
  };
}

/** What a reader did with a text that it must not do: throw anything but a failure with words, or take longer than it may. */
export async function judge(reader: Reader, text: string): Promise<Finding | undefined> {
  const { finding, micros } = await timed(reader, text);
  if (finding || micros < MOST) return finding;
  // Once more: that time may have been the compiler's, or of collecting what others left.
  const again = await timed(reader, text);
  if (again.micros < MOST) return again.finding;
  const words = `${reader.names.join(', ')}: ${Math.round(again.micros / 1000)} ms of processor time`;
  return { key: `slow ${reader.names.join()}`, words };
}

async function timed(reader: Reader, text: string): Promise<{ finding: Finding | undefined; micros: number }> {
  const before = process.cpuUsage();
  let finding: Finding | undefined;
  try {
    const answer = reader.read(text);
    if (answer instanceof Promise) {
      await answer;
      // What it has left to throw by itself comes while this input still is the current one.
      await new Promise(setImmediate);
    }
  } catch (error) {
    finding = faultOf(reader, error);
  }
  const { user, system } = process.cpuUsage(before);
  return { finding, micros: user + system };
}

function faultOf({ names }: Reader, error: unknown): Finding | undefined {
  if (error instanceof Failure && error.code !== 'internal' && error.what !== '' && error.next !== '') return undefined;
  const stack = error instanceof Error ? (error.stack ?? error.message) : String(error);
  const places = stack.split('\n').filter((line) => /^\s+at /.test(line));
  return { key: `${names.join()} ${places.slice(0, 2).join()}`, words: `${names.join(', ')}: ${stack.slice(0, 1500)}` };
}
