import { openSync, writeSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { ReadStream } from 'node:tty';
import { systemCode } from '../base/errors.ts';

/** Several questions to one person; `ask` gives the line typed without its end, undefined once the terminal is closed or `stop` has fired. */
export type Conversation = { ask(question: string): Promise<string | undefined>; tell(text: string): void; close(): void };

/** Opens the controlling terminal, whatever stdin and stdout are connected to. Undefined when the process has none. */
export function openConversation(stop?: AbortSignal): Conversation | undefined {
  const terminal = openTerminal();
  if (terminal === undefined) return undefined;
  // The stream owns the descriptor from here on. The terminal stays in line mode, so that Ctrl-C still is a signal.
  const input = new ReadStream(terminal);
  const lines = createInterface({ input, terminal: false, ...(stop ? { signal: stop } : {}) });
  // Lines that were typed ahead wait in it.
  const typed = lines[Symbol.asyncIterator]();
  const tell = (text: string): void => void writeSync(terminal, text);
  return {
    ask: async (question) => {
      tell(question);
      const line = await typed.next();
      return line.done || stop?.aborted ? undefined : line.value;
    },
    tell,
    close: () => {
      lines.close();
      input.destroy();
    },
  };
}

/**
 * Puts a question to the person at the controlling terminal, whatever stdin and stdout are connected to, and returns the line typed
 * without its end; an empty line when the terminal is closed instead. Undefined when the process has no terminal.
 */
export async function askOnTerminal(question: string): Promise<string | undefined> {
  const conversation = openConversation();
  if (conversation === undefined) return undefined;
  try {
    return (await conversation.ask(question)) ?? '';
  } finally {
    conversation.close();
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
