/**
 * What goes past the gate. `submit`, `cancel`, `alter`: a scheduler is told something directly; `later`: a command is left for another
 * time; `person`: a person's command of ours; `ungated`: the reference's own run; `write`: what is sealed, or ours; `unreadable`: what
 * nobody can tell.
 */
export type DetourKind = 'submit' | 'cancel' | 'alter' | 'later' | 'person' | 'ungated' | 'write' | 'unreadable';

/** `what`: the program, the command, or the file. `words`: of a command of ours, to be held against the list of operations. */
export type Detour = { kind: DetourKind; what: string; words?: readonly string[] };
