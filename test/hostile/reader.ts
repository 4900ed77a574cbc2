import { appendFileSync } from 'node:fs';
import { Failure } from '../../src/base/errors.ts';

/**
 * One reader of text from outside. `names` are the exports of src that it goes through, as `sites/markers.ts#readMarker`; `seeds` are texts
 * it takes, which generated ones are made from; `words` what its grammar turns on, to be repeated without end.
 */
export type Reader = {
  names: readonly string[];
  seeds: readonly string[];
  words?: readonly string[];
  read(text: string): unknown;
};

/** What a reader made of a text: an answer, or a failure of the table that says what to do. Anything else is a defect, thrown. */
export function held(reader: Reader, text: string): 'read' | 'refused' {
  try {
    reader.read(text);
    return 'read';
  } catch (error) {
    if (!(error instanceof Failure) || error.code === 'internal' || error.what === '' || error.next === '') throw error;
    if (error.message.length + error.next.length > 20_000) throw new Error(`a message of ${error.message.length} characters`);
    return 'refused';
  }
}

/** A line for the published trials, where they are collected. */
export function noteTrials(operation: string, nth: number, detail: string): void {
  const file = process.env.AUTOLAB_TRIALS_OUT;
  if (!file) return;
  const line = { suite: 'hostile', site: 'none', operation, call: 'generated', nth, outcome: 'held', detail };
  appendFileSync(file, `${JSON.stringify(line)}\n`);
}
