import { clean } from '../../base/text.ts';
import { print } from '../render.ts';

/** What is told while nobody may be looking: each thing once, until it is another. */
export type Telling = {
  say(text: string, run?: string): void;
  /** Of what goes by `key`: told where it is not what was told last. */
  once(key: string, text: string, run?: string): void;
  /** It is over; whether anything had been told of it. */
  forget(key: string): boolean;
};

/** Lines with the time of day, or one JSON object a line. */
export function openTelling(json: boolean): Telling {
  const said = new Map<string, string>();
  const say = (text: string, run?: string): void => {
    const at = new Date();
    const line = clean(text).trimEnd();
    if (json) print(JSON.stringify({ at: at.toISOString(), ...(run === undefined ? {} : { run_id: run }), text: line }));
    else print(`${at.toTimeString().slice(0, 8)} ${line.replaceAll('\n', '\n         ')}`);
  };
  return {
    say,
    once: (key, text, run) => {
      // How long something still takes makes it no other thing.
      const essence = text.replace(/\d+ s\b/g, '');
      if (said.get(key) === essence) return;
      said.set(key, essence);
      say(text, run);
    },
    forget: (key) => said.delete(key),
  };
}

/** The first lines of an answer, without what others said in it: a log that nobody reads at once is no place for that. */
export function shortly(text: string, lines = 6): string {
  const all = text.replace(FOREIGN, '').split('\n').filter(Boolean);
  return all.length <= lines ? all.join('\n') : [...all.slice(0, lines), `… ${all.length - lines} more lines`].join('\n');
}

/** As `boundary` marks it, by its word. */
const FOREIGN = /<(untrusted-[\w-]+)>\n[\s\S]*?\n<\/\1>/g;
