import { isAbsolute, resolve } from 'node:path';
import { Failure } from '../base/errors.ts';
import { patchedBy } from './patch.ts';
import type { Write } from './paths.ts';

/**
 * A call of a tool that a host is about to make, whatever the host: the texts it gives to a shell, and the paths it writes to. `event`
 * is the host's word for the occasion, by which it is answered in its own form.
 */
export type HookCall = {
  event: string | undefined;
  tool: string;
  cwd: string;
  /** The folder of the session as well, where the arguments name another and the host may ignore that: it does not say that the tool takes one. */
  also?: string;
  texts: string[];
  writes: Write[];
};

/** Arguments with which the tools of the hosts give a text to a shell, and name a file. */
const TEXTS = ['command', 'cmd', 'script', 'chars', 'keys'];
const PATHS = ['file_path', 'notebook_path', 'path', 'filePath', 'target_file', 'targetFile', 'destination', 'new_path', 'uri'];
/** What else a tool names that takes something away from its place. */
const SOURCES = ['source', 'src', 'from', 'old_path', 'oldPath'];
/** Where a command runs, below the folder of the session; and the tools whose hosts say so: of Codex, Gemini, and VS Code and Cursor. */
const FOLDERS = ['workdir', 'directory', 'dir_path', 'cwd'];
const TAKE_FOLDER =
  /^(?:(?:shell|local_shell|exec_command):workdir|run_shell_command:(?:directory|dir_path)|(?:run_in_terminal|runInTerminal|run_terminal_c(?:md|ommand)):cwd)$/i;
/** What a tool of several changes holds them in, or names its files by. */
const LISTS = ['edits', 'changes', 'files', 'operations', 'paths', 'file_paths', 'filePaths'];
/** They cannot do without a text, or without a path. */
const RUNS =
  /^(?:bash|shell|local_shell|exec_command|powershell|run_shell_command|run_terminal_c(?:md|ommand)|runInTerminal|apply_?patch)$/i;
const EDITS = /^(?:write|edit|multiedit|notebookedit|write_file|replace|create_file|str_replace_editor|edit_file)$/i;
const READS = /^(?:read|glob|grep|ls|list|search|view|find|notebook_?read|lsp|fetch|get|open|web|task|todo|directory_tree)/i;
const READS_GIT = /^git_(?:add|blame|commit|diff|log|show|stage|status)/i;
/** Words of a name that begins like a reader's, and arguments, that no reader has. */
const CHANGES =
  /^(?:replace|write|edit|set|delete|move|update|create|rename|remove|append|insert|overwrite|modify|truncate|save|download|writing|file_?writer)$/i;
/** `fetch_to_file` and its like keep what they read somewhere. */
const KEEPS = /_(?:to|into)_(?:file|disk|path)/i;
const MOVES = /^(?:move|rename|delete|remove)$/i;
const NEW_TEXT = ['new_string', 'newString', 'new_str', 'content', 'contents', 'replace', 'replacement'];
/** The same, but for tools that look for a text. */
const TEXT_TO_KEEP = ['text', 'data'];
const LOOKS_FOR = /^(?:search|grep|glob|find)/i;

/**
 * Reads what a host gives a hook before a tool is used. Claude Code and Codex: `{hook_event_name, tool_name, tool_input, cwd}`; others by
 * the same names, in camel case, or with the arguments at the top (Cursor). What is none of these is the failure `usage`.
 */
export function readHookCall(text: string, here: string): HookCall {
  const said = objectOf(parsed(text));
  const tool = stringOf(said?.tool_name ?? said?.toolName) ?? '';
  const given = said?.tool_input ?? said?.toolInput ?? said?.tool_args ?? said?.toolArgs ?? said;
  const input = objectOf(typeof given === 'string' ? parsed(given) : given);
  const words = wordsOf(tool);
  const moves = words.some((word) => MOVES.test(word));
  const named = input === undefined ? [] : pathsIn(input, moves);
  if (said === undefined || input === undefined || (tool === '' && stringOf(said.command) === undefined && named.length === 0))
    throw unknownForm('there is no tool_name with a tool_input in it');
  const session = stringOf(said.cwd) ?? here;
  const key = input === said ? undefined : FOLDERS.find((one) => stringOf(input[one]) !== undefined);
  const folder = key === undefined ? undefined : stringOf(input[key]);
  const from = isAbsolute(session) ? session : resolve(here, session);
  const cwd = resolve(from, folder ?? '');
  const event = stringOf(said.hook_event_name) ?? stringOf(said.hookEventName);
  const isTaken = key === undefined || TAKE_FOLDER.test(`${tool}:${key}`);
  const call = { event, tool, cwd, ...(isTaken || cwd === from ? {} : { also: from }) };
  const texts = TEXTS.flatMap((key) => commandOf(input[key], RUNS.test(tool) || tool === ''));
  const patch = [
    ...(/apply_?patch/i.test(tool) ? texts : []),
    ...[input.patch, input.input, input.diff].flatMap((one) => stringOf(one) ?? []),
  ];
  if (RUNS.test(tool) && texts.length === 0 && patch.length === 0 && named.length === 0)
    throw unknownForm(`there is no command in the arguments of ${tool}`);
  if (EDITS.test(tool) && named.length === 0) throw unknownForm(`there is no path in the arguments of ${tool}`);
  const paths = isReader(words, input) ? [] : named.map((one) => ({ ...one, path: withoutScheme(one.path) }));
  return { ...call, texts: /apply_?patch/i.test(tool) ? [] : texts, writes: [...paths, ...patch.flatMap(patchedBy)] };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw unknownForm('it is not JSON');
  }
}

function unknownForm(why: string): Failure {
  return new Failure('usage', {
    what: 'what the host gave the hook cannot be read',
    why,
    next: 'run `autolab-mcp doctor` and look at docs/plugin.md; to work without the hook, disable the plugin in this host',
  });
}

/** The paths that arguments name, and those of the changes in them; a map of changes has them as its keys. */
function pathsIn(input: Readonly<Record<string, unknown>>, moves: boolean): Write[] {
  const inner = LISTS.flatMap((key): unknown[] =>
    Array.isArray(input[key]) ? input[key] : Object.values(objectOf(input[key]) ?? {}),
  );
  const keys = LISTS.flatMap((key) => Object.keys(objectOf(input[key]) ?? {}));
  const all = [input, ...inner.flatMap((one): Readonly<Record<string, unknown>>[] => [objectOf(one) ?? {}])];
  const known = moves ? [...PATHS, ...SOURCES] : PATHS;
  const said = [...all.flatMap((one) => known.flatMap((key) => stringOf(one[key]) ?? [])), ...keys];
  // What a tool is only told to go over may be a whole repository, and all in it stays.
  const listed = inner.flatMap((one) => stringOf(one) ?? []);
  return [
    ...said.map((path) => ({ path, tree: true })),
    ...listed.map((path) => (moves ? { path, tree: true } : { path, tree: true, mild: true })),
  ];
}

/** The words of a tool's name, without the name of its server. */
function wordsOf(tool: string): string[] {
  const name = tool.slice(tool.startsWith('mcp__') ? tool.lastIndexOf('__') + 2 : 0);
  return name.split(/[^A-Za-z]+|(?<=[a-z])(?=[A-Z])/).filter((word) => word !== '');
}

function isReader(words: readonly string[], input: Readonly<Record<string, unknown>>): boolean {
  if (input.command === 'view') return true;
  const name = words.join('_');
  if (!READS.test(name) && !READS_GIT.test(name)) return false;
  return (
    !words.some((word) => CHANGES.test(word)) &&
    !KEEPS.test(name) &&
    ![...NEW_TEXT, ...(LOOKS_FOR.test(name) ? [] : TEXT_TO_KEEP)].some((key) => input[key] !== undefined)
  );
}

/** A text for a shell; a list is the words of one command. What a tool that needs one has in another form is `usage`. */
function commandOf(value: unknown, isNeeded: boolean): string[] {
  if (typeof value === 'string') return [value];
  const isList = Array.isArray(value) && value.every((word) => typeof word === 'string');
  if (isNeeded && value !== undefined && value !== null && !isList)
    throw unknownForm('a command is neither a text nor a list of words');
  if (!Array.isArray(value)) return [];
  return [value.map((word) => `'${String(word).replaceAll("'", "'\\''")}'`).join(' ')];
}

function withoutScheme(path: string): string {
  return path.replace(/^file:\/\//, '');
}

function objectOf(value: unknown): Readonly<Record<string, unknown>> | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? { ...value } : undefined;
}

function stringOf(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}
