import {
  type Alias,
  type Document,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  type Pair,
  parseAllDocuments,
  visit,
} from 'yaml';
import { withoutStacks } from '../base/errors.ts';
import { isNestedTooDeeply } from '../base/nesting.ts';
import { clean, quote } from '../base/text.ts';
import { gateScalar, pythonScalar } from './scalars.ts';
import type { PolicyProblem } from './types.ts';

export type Tree = { readonly [key: string]: unknown };
export type Position = { line: number; column: number };

/** A policy file as values and places. `key` is where a value's name stands, `value` where the value itself begins; both count from 1. */
export type PolicyText = {
  file: string;
  tree: Tree;
  places: ReadonlyMap<string, { key: Position; value: Position }>;
  problems: PolicyProblem[];
};

/** More than any policy has; aliases that repeat each other end here. */
const MAX_NODES = 100_000;
const MAX_DEPTH = 40;
const MAX_CHARACTERS = 512 * 1024;
/** Nobody mends more at once. */
export const MAX_PROBLEMS = 50;

/**
 * Reads a policy file as PyYAML would, `gate:` as only we do (see scalars.ts). Never throws: whatever cannot be read, or could be read
 * in two ways, is a problem with its place. An empty file is an empty policy file, as in Autolab.
 */
export function readPolicyText(text: string, file: string): PolicyText {
  const reader = new Reader(file);
  const document = reader.parse(text);
  const tree = document ? reader.top(document) : {};
  return { file, tree: reader.problems.length === 0 ? tree : {}, places: reader.places, problems: reader.problems };
}

/** The dotted name of a place in a file: `gate.limits.per_job.gpus`. */
export function dotted(path: readonly PropertyKey[]): string {
  return path.map(String).join('.');
}

export function isTree(value: unknown): value is Tree {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

class Reader {
  readonly problems: PolicyProblem[] = [];
  readonly places = new Map<string, { key: Position; value: Position }>();
  readonly #file: string;
  readonly #lines = new LineCounter();
  #nodes = 0;
  readonly #targets = new Map<Alias, Node>();

  constructor(file: string) {
    this.#file = file;
  }

  parse(text: string): Document | undefined {
    if (text.length > MAX_CHARACTERS)
      return this.#bad(0, `the file has ${text.length} characters; a policy has at most ${MAX_CHARACTERS}`);
    if (isNestedTooDeeply(text)) {
      this.#bad(0, 'brackets, lists or maps are nested too deeply');
      return undefined;
    }
    try {
      // The failsafe schema leaves every scalar as text: what it means is decided in scalars.ts alone.
      const options = {
        lineCounter: this.#lines,
        prettyErrors: false,
        schema: 'failsafe',
        version: '1.1',
        logLevel: 'error',
        // The parser compares each key with all others, and looks each alias up in the whole file; this does neither.
        uniqueKeys: false,
      } as const;
      const [document, second] = withoutStacks(() => [...parseAllDocuments(text, options)]);
      for (const { pos, message } of document?.errors ?? []) this.#bad(pos[0], clean(message));
      if (second) this.#bad(second.range[0], 'a second document (---) begins here; a policy file has one');
      if (document) this.#note(document);
      return this.problems.length === 0 ? document : undefined;
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      this.#bad(0, 'brackets are nested too deeply');
      return undefined;
    }
  }

  top(document: Document): Tree {
    const { contents } = document;
    if (contents === null || (isScalar(contents) && contents.source === '')) return {};
    const value = this.#value(contents as Node, [], 0);
    if (isTree(value)) return value;
    if (this.problems.length === 0) this.#bad(contents.range?.[0] ?? 0, 'a policy file is a map of keys, and this is not one');
    return {};
  }

  /** What each alias stands for: the last node before it with its anchor. */
  #note(document: Document): void {
    const anchored = new Map<string, Node>();
    visit(document, {
      Alias: (_key, alias) => {
        const target = anchored.get(alias.source);
        if (target) this.#targets.set(alias, target);
      },
      Value: (_key, node) => {
        if (node.anchor) anchored.set(node.anchor, node);
      },
    });
  }

  #value(node: Node | null, path: readonly string[], from: number): unknown {
    const offset = node?.range?.[0] ?? from;
    if (++this.#nodes > MAX_NODES || path.length > MAX_DEPTH) return this.#tooLarge(offset);
    if (isAlias(node)) {
      const target = this.#targets.get(node);
      return target ? this.#value(target, path, offset) : this.#bad(offset, `*${node.source} names nothing`);
    }
    if (node?.tag && !/^tag:yaml.org,2002:(?:str|map|seq)$/.test(node.tag))
      return this.#bad(offset, `a type tag (${clean(node.tag)})`);
    if (isMap(node)) return this.#map(node.items as Pair<Node, Node | null>[], path);
    if (isSeq(node)) return node.items.map((item, at) => this.#item(item as Node | null, [...path, String(at)], offset));
    if (!isScalar(node)) return null;
    const text = String(node.value);
    if (node.type !== 'PLAIN' || node.tag !== undefined) return text;
    return path[0] === 'gate' ? gateScalar(text) : pythonScalar(text);
  }

  #item(node: Node | null, path: readonly string[], from: number): unknown {
    const at = this.#position(node?.range?.[0] ?? from);
    this.places.set(dotted(path), { key: at, value: at });
    return this.#value(node, path, from);
  }

  #map(pairs: readonly Pair<Node, Node | null>[], path: readonly string[]): Tree {
    const own: [string, unknown][] = [];
    const merged: [string, unknown][] = [];
    const seen = new Set<string>();
    for (const { key, value } of pairs) {
      const offset = key?.range?.[0] ?? 0;
      if (!isScalar(key)) this.#bad(offset, 'a key that is not a word');
      else if (seen.has(String(key.value))) this.#bad(offset, twice(String(key.value)));
      else if (key.type === 'PLAIN' && key.value === '<<') merged.push(...this.#merged(value, path, offset));
      else if (key.type === 'PLAIN' && typeof pythonScalar(String(key.value)) !== 'string')
        this.#bad(
          offset,
          `Autolab reads the key ${String(key.value)} as ${String(pythonScalar(String(key.value)))}`,
          `write it in quotes: "${String(key.value)}"`,
        );
      else own.push([String(key.value), this.#entry(String(key.value), value, path, offset)]);
      if (isScalar(key)) seen.add(String(key.value));
    }
    return Object.fromEntries([...merged, ...own]);
  }

  #entry(name: string, value: Node | null, path: readonly string[], offset: number): unknown {
    const here = [...path, name];
    this.places.set(dotted(here), { key: this.#position(offset), value: this.#position(value?.range?.[0] ?? offset) });
    return this.#value(value, here, offset);
  }

  /** `<<: *base`: the keys of the map or maps it names, which the map's own keys and earlier maps go before. */
  #merged(node: Node | null, path: readonly string[], offset: number): [string, unknown][] {
    const value = this.#value(node, path, offset);
    const maps = Array.isArray(value) ? value : [value];
    if (maps.every(isTree)) return maps.toReversed().flatMap((map) => Object.entries(map));
    this.#bad(offset, '<< takes a map or a list of maps');
    return [];
  }

  #tooLarge(offset: number): undefined {
    if (this.problems.length > 0) return;
    this.#bad(
      offset,
      'the file is too large or too deep; aliases may be repeating each other',
      'write the values out, without aliases',
    );
  }

  #bad(offset: number, message: string, remedy = `mend the line in ${this.#file}`): undefined {
    if (this.problems.length >= MAX_PROBLEMS) return;
    const problem = { file: this.#file, ...this.#position(offset), message, remedy };
    const isSaid = this.problems.some(
      (one) => one.line === problem.line && one.column === problem.column && one.message === message,
    );
    if (!isSaid) this.problems.push(problem);
  }

  #position(offset: number): Position {
    const { line, col } = this.#lines.linePos(offset);
    return { line: Math.max(1, line), column: Math.max(1, col) };
  }
}

function twice(key: string): string {
  return `the key ${quote(key, 80)} stands here for the second time; readers differ on which one counts`;
}
