import { type Alias, type Document, isAlias, isMap, isScalar, isSeq, type Node, type Pair, parseAllDocuments, visit } from 'yaml';
import { Failure, withoutStacks } from '../../base/errors.ts';
import { isNestedTooDeeply } from '../../base/nesting.ts';
import { clean } from '../../base/text.ts';
import { coreScalar, pythonScalar } from './yaml-scalars.ts';

export type Position = { line: number; column: number };
export type Path = readonly PropertyKey[];

/** A file that was read: its value, and where in it each part stands. Lines and columns count from 1. */
export type Positioned = {
  file: string;
  value: unknown;
  /** Of the value at `path`, or of its key; where there is none, of the nearest part around it. */
  at(path: Path, key?: 'key'): Position;
  /** The text of an unquoted value as it stands in the file; undefined for quoted ones, lists and maps. */
  source(path: Path): string | undefined;
};

/**
 * Who else reads the file. `shared`: Autolab too, so a value is what PyYAML makes of it, and what a person would mislead themselves
 * with is refused. `own`: only this program, plain YAML 1.2. `foreign`: written by Autolab, read as PyYAML reads it, traps as text.
 */
export type Dialect = 'shared' | 'own' | 'foreign';

/** Ours have a few thousand; what a parser needs for mistakes alone grows with it. */
const MAX_CHARACTERS = 256 * 1024;
const MAX_NODES = 50_000;
const MAX_DEPTH = 50;

/** The one document in `text`. Everything that two YAML readers could disagree about is `file_invalid` with file, line and column. */
export function readYaml(text: string, file: string, dialect: Dialect = 'shared'): Positioned {
  const bad: Bad = (offset, problem, next) => {
    const { line, column } = position(text, offset);
    throw new Failure('file_invalid', {
      what: `${file}:${line}:${column}: ${problem}`,
      next: next ?? `mend ${file} line ${line}, then call again`,
    });
  };
  if (text.length > MAX_CHARACTERS)
    bad(0, `the file has ${text.length} characters; files of this kind have at most ${MAX_CHARACTERS}`);
  const control = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f\ufffd]/.exec(text);
  if (control) bad(control.index, 'a character that is not text', `save ${file} as UTF-8 text without control characters`);

  const document = parse(text, bad);
  const builder: Builder = { dialect, document, text, bad, nodes: 0, places: new Map(), targets: targetsOf(document) };
  if (!document.contents) bad(0, 'the file is empty', `write ${file}, or remove it`);
  if (dialect === 'shared') refuseTabs(builder);
  const value = build(document.contents as Node, [], builder);
  return {
    file,
    value,
    at: (path, key) => place(builder, path, key),
    source: (path) => builder.places.get(id(path))?.source,
  };
}

type Bad = (offset: number, problem: string, next?: string) => never;
type Place = { key: number; value: number; source: string | undefined };
type Builder = {
  dialect: Dialect;
  document: Document;
  text: string;
  bad: Bad;
  nodes: number;
  places: Map<string, Place>;
  targets: ReadonlyMap<Alias, Node>;
};

function parse(text: string, bad: Bad): Document {
  const documents = parseOrRefuse(text, bad);
  const [document, second] = documents;
  if (!document) return bad(0, 'the file is empty');
  for (const { pos, code, message } of [...document.errors, ...document.warnings]) {
    bad(pos[0], PARSER_WORDS[code] ?? clean(message));
  }
  if (second) bad(second.range[0], 'a second document (---); there may be only one');
  return document;
}

const PARSER_WORDS: Readonly<Record<string, string>> = {
  TAB_AS_INDENT: 'a tab where YAML wants spaces',
  TAG_RESOLVE_FAILED: 'a type tag; write the plain value',
};

function parseOrRefuse(text: string, bad: Bad): Document.Parsed[] {
  if (isNestedTooDeeply(text)) return bad(0, 'brackets, lists or maps nested too deeply');
  try {
    // The failsafe schema leaves every scalar as text; what it means is decided in yaml-scalars.ts alone. The parser compares each key with
    // all others, which a file can be made to take hours with; `build` does not.
    const options = { prettyErrors: false, schema: 'failsafe', logLevel: 'error', uniqueKeys: false } as const;
    return withoutStacks(() => [...parseAllDocuments(text, options)]);
  } catch (error) {
    if (error instanceof RangeError) return bad(0, 'brackets nested too deeply');
    throw error;
  }
}

/** What each alias stands for: the last node before it with its anchor. The parser's own look-up goes through the file for each. */
function targetsOf(document: Document): ReadonlyMap<Alias, Node> {
  const anchored = new Map<string, Node>();
  const targets = new Map<Alias, Node>();
  visit(document, {
    Alias: (_key, alias) => {
      const target = anchored.get(alias.source);
      if (target) targets.set(alias, target);
    },
    Value: (_key, node) => {
      if (node.anchor) anchored.set(node.anchor, node);
    },
  });
  return targets;
}

function build(node: Node | null, path: Path, to: Builder, keyAt?: number): unknown {
  const offset = node?.range?.[0] ?? keyAt ?? 0;
  if (++to.nodes > MAX_NODES || path.length > MAX_DEPTH)
    to.bad(offset, 'the file is too large or too deep; aliases may be repeating themselves');
  if (isAlias(node)) {
    if (to.dialect !== 'foreign') to.bad(offset, `an alias (*${node.source})`, 'write the value out where it is needed');
    return build(to.targets.get(node) ?? null, path, to, keyAt);
  }
  refuseDecoration(node, offset, to);
  const source = isScalar(node) && node.type === 'PLAIN' ? (node.source ?? '') : undefined;
  to.places.set(id(path), { key: keyAt ?? offset, value: offset, source });
  if (isMap(node)) {
    const seen = new Set<string>();
    return Object.fromEntries(node.items.map((pair) => entry(pair as Pair<Node, Node | null>, path, to, seen)));
  }
  if (isSeq(node)) return node.items.map((item, index) => build(item as Node, [...path, index], to));
  if (!isScalar(node)) return null;
  return source === undefined ? node.value : plain(source, offset, to);
}

function entry({ key, value }: Pair<Node, Node | null>, path: Path, to: Builder, seen: Set<string>): [string, unknown] {
  const offset = key?.range?.[0] ?? 0;
  if (!isScalar(key)) return to.bad(offset, 'a key that is not a word', 'use plain words as keys');
  refuseDecoration(key, offset, to);
  const name = String(key.value);
  if (seen.has(name)) to.bad(offset, 'the same key twice');
  seen.add(name);
  if (name === '<<' || name === '__proto__')
    to.bad(offset, `the key ${name}`, name === '<<' ? 'write the merged keys out' : 'use another key');
  if (to.dialect === 'shared' && key.type === 'PLAIN') {
    const read = pythonScalar(name);
    if ('trap' in read || typeof read.value !== 'string')
      to.bad(offset, `the key ${name} is not text to Autolab`, `write "${name}" in quotes`);
  }
  return [name, build(value, [...path, name], to, offset)];
}

function plain(source: string, offset: number, to: Builder): unknown {
  const read = to.dialect === 'own' ? coreScalar(source) : pythonScalar(source);
  if (!('trap' in read)) return read.value;
  if (to.dialect === 'foreign') return source;
  const reader = to.dialect === 'own' ? 'YAML' : 'Autolab';
  return to.bad(offset, `${source} without quotes is ${read.trap} to ${reader}`, `write "${source}" in quotes`);
}

function refuseDecoration(node: Node | null, offset: number, to: Builder): void {
  if (!node || isAlias(node)) return;
  if ('anchor' in node && node.anchor && to.dialect !== 'foreign')
    to.bad(offset, `an anchor (&${node.anchor})`, 'write the value out where it is needed');
  if (node.tag) to.bad(offset, `a type tag (${node.tag})`, 'write the plain value');
}

/** PyYAML takes a tab nowhere but in quotes, block text and comments; YAML 1.2 takes it wherever it takes a space. */
function refuseTabs(to: Builder): void {
  const outside = to.text.replace(/"(?:\\.|[^"\\])*"|'(?:''|[^'])*'|#[^\n]*/g, (held) => held.replace(/\t/g, ' '));
  if (!outside.includes('\t') || /[|>][-+0-9]*[ \t]*(?:#.*)?$/m.test(to.text)) return;
  to.bad(outside.indexOf('\t'), 'a tab where Autolab wants a space', 'replace the tab by spaces');
}

function place(to: Builder, path: Path, key?: 'key'): Position {
  for (let end = path.length; end >= 0; end--) {
    const found = to.places.get(id(path.slice(0, end)));
    if (found) return position(to.text, key === 'key' || end < path.length ? found.key : found.value);
  }
  return { line: 1, column: 1 };
}

function position(text: string, offset: number): Position {
  const before = text.slice(0, offset).split('\n');
  return { line: before.length, column: (before.at(-1) ?? '').length + 1 };
}

function id(path: Path): string {
  return JSON.stringify(path.map(String));
}
