/** The calls after which a power cut must change nothing: what is put on disk, made visible, and started. One thread makes them all. */
export const CALLS = [
  'fsync',
  'fdatasync',
  'rename',
  'renameat',
  'renameat2',
  'link',
  'linkat',
  'clone',
  'clone3',
  'fork',
  'vfork',
];

/** What stands before a command so that its calls are noted in `log`. The children of the command are not looked at. */
export function counting(log, calls = CALLS) {
  return ['strace', '-qq', '-o', log, '-e', `trace=${calls.join(',')}`];
}

/** What stands before a command so that it is killed as it makes its nth such call, which is then not made. strace counts each call by itself. */
export function killing(call, nth) {
  return injecting(call, `signal=KILL:when=${nth}`);
}

/** What stands before a command so that its nth such call fails with this errno and is not made; `nth` may be `3+`: the third and all later ones. */
export function failing(call, errno, nth) {
  return injecting(call, `error=${errno}:when=${nth}`);
}

function injecting(call, what) {
  return ['strace', '-qq', '-o', '/dev/null', '-e', `trace=${call}`, `-einject=${call}:${what}`];
}

/** Every place of a run that `counting` noted in this text: each call with how manieth of its name it is. Threads are no processes. */
export function placesIn(text) {
  const seen = new Map();
  const places = [];
  for (const line of text.split('\n')) {
    const call = /^([a-z0-9_]+)\(/.exec(line)?.[1];
    if (call === undefined) continue;
    const nth = (seen.get(call) ?? 0) + 1;
    seen.set(call, nth);
    if (line.includes('CLONE_THREAD')) continue;
    places.push({ call, nth });
  }
  return places;
}

/** The same as `failing`, with what was met, and its file, noted in `log`. A number for an errno: it says that so much was done. */
export function failingFiles(log, call, errno, nth) {
  const what = typeof errno === 'number' ? `retval=${errno}` : `error=${errno}`;
  return ['strace', '-qq', '-y', '-s', '0', '-o', log, '-e', `trace=${call}`, `-einject=${call}:${what}:when=${nth}`];
}

/** The same as `counting`, with the file of each call beside its number. */
export function countingFiles(log, calls) {
  return ['strace', '-qq', '-y', '-s', '0', '-o', log, '-e', `trace=${calls.join(',')}`];
}
