import type { Ask } from './transports/transport.ts';

/** The words are no arguments, or this very look would be found. A process that is over has no command line. */
const SCRIPT = `
printf '%s' "$AUTOLAB_WORDS" | grep -hoszxF -f - /proc/[0-9]*/cmdline | tr '\\0' '\\n'
exit 0
`;

/** Those of these words that a process on the machine that it is asked on has in its command line; none where that cannot be seen (proc(5)). */
export function senderLook(words: readonly string[]): Ask<ReadonlySet<string>> {
  return {
    command: { argv: ['sh', '-s'], stdin: SCRIPT, env: { AUTOLAB_WORDS: words.join('\n') } },
    read: ({ stdout }) => new Set(stdout.split('\n').filter((word) => words.includes(word))),
  };
}
