import type { Readable } from 'node:stream';
import { Failure } from '../base/errors.ts';

/** A call with more than this is not read: no tool of any host writes such a file at once. Bytes. */
const LARGEST = 32 * 1024 * 1024;
/** A host that has sent nothing for so long sends nothing more. Milliseconds. */
const PATIENCE = 5_000;
/** In all, however it sends. Milliseconds; less than hosts wait for a hook (Claude Code: the 60 s of `hooks.json`). */
const LONGEST = 30_000;

/**
 * All that a host sends, to its end even where it is too long: a host whose text is not taken counts the hook as failed, and goes on.
 * The failure `usage` where it is too long, or does not end.
 */
export async function wholeText(host: Readable): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  const giveUp = () => host.destroy(unended());
  const [silent, late] = [setTimeout(giveUp, PATIENCE), setTimeout(giveUp, LONGEST)];
  try {
    for await (const chunk of host) {
      silent.refresh();
      size += chunk.length;
      if (size <= LARGEST) chunks.push(chunk);
    }
  } finally {
    clearTimeout(silent);
    clearTimeout(late);
  }
  if (size > LARGEST)
    throw new Failure('usage', {
      what: `the call has ${size} bytes`,
      why: `at most ${LARGEST} are read`,
      next: 'write it in smaller pieces',
    });
  return Buffer.concat(chunks).toString('utf8');
}

function unended(): Failure {
  return new Failure('usage', {
    what: 'the host did not end its text',
    why: `nothing more came for ${PATIENCE / 1000} s, or the end not within ${LONGEST / 1000} s`,
    next: 'try the same again; if it stays so, run `autolab-mcp doctor` and look at docs/plugin.md',
  });
}
