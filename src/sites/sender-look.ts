import type { Ask } from './transports/transport.ts';

/** The word is no argument, or this very look would be found. A process that is over has no command line. */
const SCRIPT = `
printf '%s' "$AUTOLAB_WORD" | grep -lszxF -f - /proc/[0-9]*/cmdline
exit 0
`;

/** Whether a process that has this word in its command line is at work on the machine that it is asked on; false where that cannot be seen (proc(5)). */
export function senderLook(word: string): Ask<boolean> {
  return {
    command: { argv: ['sh', '-s'], stdin: SCRIPT, env: { AUTOLAB_WORD: word } },
    read: ({ stdout }) => stdout.trim() !== '',
  };
}
