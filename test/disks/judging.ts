import type { ReadFile } from './read-files.ts';
import type { Reading } from './reading.ts';
import { plain } from './reading.ts';

/** What must be true whatever a file has become; gives what is not. */
export function judge(name: string, file: ReadFile, { said, before, after, states }: Reading, sound: Reading): string[] {
  const faults: string[] = [];
  for (const [operation, { text, hung }] of Object.entries(said)) {
    if (hung) faults.push(`${operation} hung`);
    if (/\n {4}at |internal/.test(text)) faults.push(`${operation}: a defect: ${text.slice(0, 600)}`);
  }
  if (!keeps(name, before, after)) faults.push(`it was ${before.slice(0, 60)} and is ${after.slice(0, 60)}`);
  const differs = Object.entries(said).filter(([operation, { exit, text }]) => {
    const was = sound.said[operation];
    return !was || exit !== was.exit || plain(text) !== plain(was.text);
  });
  const base = file.path.slice(file.path.lastIndexOf('/') + 1);
  const isTold = differs.some(([, { text }]) => text.includes(base) || text.includes(file.path.split('/').at(-3) ?? base));
  const isStuck = `${states.open}` !== `${sound.states.open}` || `${states.other}` !== `${sound.states.other}`;
  if ((isStuck || differs.some(([operation, { exit }]) => exit !== sound.said[operation]?.exit)) && !isTold)
    faults.push(`nobody names it: ${differs.map(([operation, { text }]) => `${operation}: ${text.slice(0, 300)}`).join('\n')}`);
  if (!STOPS.has(name) && `${states.other}` !== `${sound.states.other}`) faults.push(`another run stopped at ${states.other}`);
  if (states.open.length > 0 && !`${sound.states.open}`.startsWith(`${states.open}`))
    faults.push(`the run went ${states.open}, and ${sound.states.open} is right`);
  return faults;
}

/** What is of the whole repository, user or site: without it nothing goes on, and that is said. */
const STOPS: ReadonlySet<string> = new Set([
  'identity',
  'audit log',
  'audit head',
  'policy',
  'sites',
  'seal',
  'meter',
  'budget lock',
  'audit lock',
  'autolab lock',
]);

/** Made anew from the journal, or taken away when it is over. */
const REMADE: ReadonlySet<string> = new Set(['manifest', 'run context', 'verification result', 'open mark']);

/** Whether what lay there is still there: logs may have grown, and a dead holder's lock is taken. */
function keeps(name: string, before: string, after: string): boolean {
  if (before === after || REMADE.has(name) || name.endsWith('lock')) return true;
  return LOGS.has(name) && after.startsWith(before);
}

const LOGS: ReadonlySet<string> = new Set(['journal', 'audit log', 'book', 'meter', 'book of another repository', 'ledger']);
