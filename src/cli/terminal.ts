import { openSync, writeSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { ReadStream } from 'node:tty';
import { systemCode } from '../base/errors.ts';

/**
 * Puts a question to the person at the controlling terminal, whatever stdin and stdout are connected to, and returns the line typed
 * without its end; an empty line when the terminal is closed instead. Undefined when the process has no terminal.
 */
export async function askOnTerminal(question: string): Promise<string | undefined> {
  const terminal = openTerminal();
  if (terminal === undefined) return undefined;
  writeSync(terminal, question);
  // The stream owns the descriptor from here on. The terminal stays in line mode, so that Ctrl-C still ends the program.
  const input = new ReadStream(terminal);
  const lines = createInterface({ input, terminal: false });
  try {
    return await new Promise<string>((resolve) => {
      lines.once('line', resolve);
      lines.once('close', () => resolve(''));
    });
  } finally {
    lines.close();
    input.destroy();
  }
}

/** A process without a controlling terminal gets ENXIO; the others are systems without the file, or where it may not be used. */
function openTerminal(): number | undefined {
  try {
    return openSync('/dev/tty', 'r+');
  } catch (error) {
    if (['ENXIO', 'ENOENT', 'ENODEV', 'EACCES', 'EPERM'].includes(systemCode(error) ?? '')) return undefined;
    throw error;
  }
}
