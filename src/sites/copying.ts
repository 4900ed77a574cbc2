import { Failure } from '../base/errors.ts';
import { quote } from '../base/text.ts';
import type { Ask, CopyWay, Output } from './transports/transport.ts';

type Argv = readonly [string, ...string[]];

/** For how many seconds nothing may come before the connection is taken for gone: a side may be making the checksum of a large file. */
const SILENCE = 120;

/** rsync from a folder to a folder, of exactly these files: names from the folder on, NUL between them. Nothing is ever deleted. */
function listedIn(list: string, silence: number): string[] {
  return ['-lptE', '--protect-args', '--from0', `--files-from=${list}`, '--no-implied-dirs', `--timeout=${silence}`];
}

/**
 * Brings files into a folder of a site, which is there: where one of the same name is other, it is replaced whole; its content is compared,
 * not its time. Links stay links. What one of the folders `besides` has there, from `to` on, is copied there and not sent.
 */
export function bringThere(
  way: CopyWay | undefined,
  from: string,
  to: string,
  paths: readonly string[],
  besides: readonly string[],
): Ask<void> {
  const known = besides.map((folder) => `--copy-dest=${folder}`);
  const command = argv(way, [...listedIn('-', SILENCE), '--checksum', ...known], `${from}/`, remote(way, to));
  return {
    command: { argv: command, stdin: paths.map((path) => `${path}\0`).join(''), ...(way ? { env: way.env } : {}) },
    read: (output) => copied(output, `${from} to the site`),
  };
}

/**
 * The command that fetches files from a folder of a site; `list` is a file of their names with NUL after each. What was cut off is gone on
 * with; what leads out of it is left out; what `besides` has already is not sent.
 */
export function fetchCommand(way: CopyWay | undefined, from: string, to: string, list: string, besides: string): Argv {
  // rsync(1) sends files whole where both folders are on this machine, however much of them is there already.
  const more = ['--no-whole-file', '--safe-links', '--partial-dir=.autolab-partial', `--copy-dest=${besides}`];
  return argv(way, [...listedIn(list, SILENCE), ...more], remote(way, from), `${to}/`);
}

/** The command that compares them again, by checksums made on both sides: it prints a line for each that is not the same. */
export function compareCommand(way: CopyWay | undefined, from: string, to: string, list: string): Argv {
  const more = ['--checksum', '--dry-run', '--out-format=%i %n'];
  return argv(way, [...listedIn(list, SILENCE), ...more], remote(way, from), `${to}/`);
}

function remote(way: CopyWay | undefined, folder: string): string {
  return way ? `${way.host}:${folder}/` : `${folder}/`;
}

function argv(way: CopyWay | undefined, options: readonly string[], from: string, to: string): Argv {
  const shell = way ? ['-e', way.rsh.map(shellWord).join(' ')] : [];
  return ['rsync', ...shell, ...options, '--', from, to];
}

/** rsync(1) splits the value of -e at spaces, and knows quotes. */
function shellWord(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "''")}'`;
}

/** rsync(1), EXIT VALUES: 12, 30, 35 and ssh's 255 are a connection that was cut. */
const CUT: ReadonlySet<number | null> = new Set([10, 12, 20, 30, 35, 255]);

export function copied({ exit, timedOut, notStarted, stderr }: Output, what: string): void {
  if (exit === 0) return;
  if (notStarted)
    throw new Failure('site_unavailable', {
      what: 'rsync cannot be started',
      why: quote(stderr, 300) || 'it is not installed',
      next: 'install rsync here and at the site, and call again',
    });
  throw new Failure('site_unavailable', {
    what: `copying ${what} did not come to its end`,
    why: timedOut ? 'it took too long' : CUT.has(exit) ? 'the connection was cut' : `rsync ended with ${exit ?? 'no code'}`,
    next: 'call again: what is there already is not sent again',
    quoted: quote(stderr, 500),
  });
}
