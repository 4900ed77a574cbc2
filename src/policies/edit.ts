import type { Document, Node, Pair, YAMLMap } from 'yaml';
import { CST, isAlias, isCollection, isMap, isScalar, Lexer, parseDocument } from 'yaml';
import { canonical } from '../base/digest.ts';
import { Failure } from '../base/errors.ts';
import { pythonScalar } from './scalars.ts';
import type { Tree } from './yaml.ts';
import { isTree, readPolicyText } from './yaml.ts';

/**
 * A YAML file with the values of `patch` laid over its own: maps merge, all else replaces. Lines that need no change stay as they are,
 * byte for byte, and no comment is lost: those inside a replaced list or map move above it. The result is read again and compared; a
 * file that cannot be edited so is refused with the keys to set by hand.
 */
export function editYaml(text: string, patch: Tree, file: string): string {
  const wanted = laidOver(valuesOf(text, file), patch);
  const edited = leaves(patch).reduce((now, [path, value]) => set(now, path, value, file), text);
  const got = readPolicyText(edited, file);
  if (got.problems.length > 0 || canonical(got.tree) !== canonical(wanted)) throw byHand(file, patch);
  return edited;
}

/** The values at the ends of a tree, with their paths. Lists and empty maps are ends. */
export function leaves(tree: Tree, path: readonly string[] = []): [path: readonly string[], value: unknown][] {
  return Object.entries(tree).flatMap(([key, value]) => {
    const here = [...path, key];
    return isTree(value) && Object.keys(value).length > 0 ? leaves(value, here) : [[here, value] as [readonly string[], unknown]];
  });
}

export function valueAt(tree: Tree, path: readonly string[]): unknown {
  return path.reduce<unknown>((value, key) => (isTree(value) && Object.hasOwn(value, key) ? value[key] : undefined), tree);
}

/** One edit in a text of which every offset holds; the next edit reads the text anew. */
function set(text: string, path: readonly string[], value: unknown, file: string): string {
  const there = valueAt(valuesOf(text, file), path);
  if (there !== undefined && (canonical(there) === canonical(value) || (isTree(there) && isTree(value)))) return text;
  const document: Document = parseDocument(text, {
    schema: 'failsafe',
    version: '1.1',
    logLevel: 'error',
    uniqueKeys: false,
    prettyErrors: false,
  });
  const eol = text.includes('\r\n') ? '\r\n' : '\n';
  let map: unknown = document.contents;
  for (const [depth, key] of path.entries()) {
    if (!isMap(map)) return append(text, block(path, value, '', eol), eol);
    const pair = (map.items as Pair<Node, Node | null>[]).find((item) => isScalar(item.key) && String(item.key.value) === key);
    if (!pair) return insert(text, map, path.slice(depth), value, eol);
    const rest = path.slice(depth + 1);
    if (isMap(pair.value) && rest.length > 0) map = pair.value;
    else if (isAlias(pair.value) && rest.length > 0) throw byHand(file, { [path.join('.')]: value });
    else
      return replace(
        text,
        pair,
        rest.reduceRight<unknown>((inner, name) => ({ [name]: inner }), value),
        eol,
      );
  }
  throw byHand(file, { [path.join('.')]: value });
}

function insert(text: string, map: YAMLMap, path: readonly string[], value: unknown, eol: string): string {
  const [start, end] = span(map);
  const last = map.items.at(-1);
  const after = last ? endOf(last as Pair<Node, Node | null>) : start + 1;
  if (map.flow) {
    const [key = '', ...rest] = path;
    const entry = `${word(key)}: ${flow(rest.reduceRight<unknown>((inner, name) => ({ [name]: inner }), value))}`;
    return last
      ? `${text.slice(0, after)}, ${entry}${text.slice(after)}`
      : `${text.slice(0, start)}{ ${entry} }${text.slice(end)}`;
  }
  const column = start - (text.lastIndexOf('\n', start - 1) + 1);
  return splice(text, lineEnd(text, after), block(path, value, ' '.repeat(column), eol), eol);
}

function replace(text: string, { key, value }: Pair<Node, Node | null>, by: unknown, eol: string): string {
  const [keyStart, keyEnd] = span(key);
  if (!value?.range || value.range[0] === value.range[1]) {
    const colon = text.indexOf(':', keyEnd) + 1;
    return `${text.slice(0, colon)} ${flow(by)}${text.slice(colon)}`;
  }
  const [start, end] = span(value);
  const isBlock = (isCollection(value) && !value.flow) || (isScalar(value) && /^BLOCK/.test(value.type ?? ''));
  if (!isBlock) return `${text.slice(0, start)}${flow(by)}${text.slice(end)}`;
  const stop = isCollection(value) ? lineEnd(text, lastOf(value)) : end;
  const line = text.lastIndexOf('\n', keyStart - 1) + 1;
  const indent = ' '.repeat(keyStart - line);
  const kept = commentsIn(text, keyEnd, stop).map((comment) => `${indent}${comment}${eol}`);
  return `${text.slice(0, line)}${kept.join('')}${text.slice(line, keyEnd)}: ${flow(by)}${eol}${text.slice(stop)}`;
}

/** Comments between two offsets, found by YAML's own lexer, so that a `#` inside a text is not taken for one. */
function commentsIn(text: string, from: number, to: number): string[] {
  const found: string[] = [];
  let offset = 0;
  let isText = false;
  for (const lexeme of new Lexer().lex(text)) {
    const type = isText ? 'scalar' : CST.tokenType(lexeme);
    if (type === 'comment' && offset >= from && offset < to) found.push(lexeme);
    isText = lexeme === '\u001f';
    if (!/^[\u0002\u0018\u001f]$/.test(lexeme)) offset += lexeme.length;
  }
  return found;
}

function block(path: readonly string[], value: unknown, indent: string, eol: string): string {
  return path
    .map((key, at) => `${indent}${'  '.repeat(at)}${word(key)}:${at === path.length - 1 ? ` ${flow(value)}` : ''}${eol}`)
    .join('');
}

/** A value on one line, as PyYAML and YAML 1.2 readers both read it. */
export function flow(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(flow).join(', ')}]`;
  if (!isTree(value)) return typeof value === 'string' ? word(value) : JSON.stringify(value);
  const entries = Object.entries(value).map(([key, inner]) => `${word(key)}: ${flow(inner)}`);
  return entries.length === 0 ? '{}' : `{ ${entries.join(', ')} }`;
}

function word(text: string): string {
  return /^[A-Za-z][A-Za-z0-9_./-]*$/.test(text) && pythonScalar(text) === text && !/^[yn]$/i.test(text)
    ? text
    : JSON.stringify(text);
}

function endOf({ key, value }: Pair<Node, Node | null>): number {
  if (isCollection(value) && !value.flow && value.items.length > 0) return lastOf(value);
  const end = value?.range?.[1] ?? 0;
  return Math.max(end, span(key)[1]);
}

/** Where the last thing inside a block map or list ends; its own range may take in comments that follow. */
function lastOf(node: Node): number {
  if (!isCollection(node) || node.flow || node.items.length === 0) return span(node)[1];
  const last = node.items.at(-1);
  return isMap(node) ? endOf(last as Pair<Node, Node | null>) : lastOf(last as Node);
}

/** The start of the line after the one that holds the offset, or the offset itself at the start of a line. */
function lineEnd(text: string, offset: number): number {
  if (text[offset - 1] === '\n') return offset;
  const newline = text.indexOf('\n', offset);
  return newline < 0 ? text.length : newline + 1;
}

function splice(text: string, at: number, lines: string, eol: string): string {
  const before = text.slice(0, at);
  return `${before}${before === '' || before.endsWith('\n') ? '' : eol}${lines}${text.slice(at)}`;
}

function append(text: string, lines: string, eol: string): string {
  return splice(text, text.length, lines, eol);
}

function span(node: Node): [number, number] {
  const [start, end] = node.range ?? [0, 0];
  return [start, end];
}

function valuesOf(text: string, file: string): Tree {
  const { tree, problems } = readPolicyText(text, file);
  const [first] = problems;
  if (!first) return tree;
  throw new Failure('policy_invalid', {
    what: `${first.file}:${first.line}:${first.column}: ${first.message}`,
    next: first.remedy,
  });
}

function laidOver(under: unknown, over: unknown): unknown {
  if (!isTree(under) || !isTree(over)) return over;
  const merged = Object.entries(over).map(([key, value]) => [
    key,
    laidOver(Object.hasOwn(under, key) ? under[key] : undefined, value),
  ]);
  return { ...under, ...Object.fromEntries(merged) };
}

function byHand(file: string, patch: Tree): Failure {
  const keys = leaves(patch).map(([path, value]) => `${path.join('.')}: ${flow(value)}`);
  return new Failure('unsupported', {
    what: `${file} is written in a way that cannot be edited without changing more of it`,
    why: 'aliases, or values that cross lines unusually',
    next: `set by hand: ${keys.join('; ')}`,
  });
}
