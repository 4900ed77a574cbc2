import type { Origin } from './types.ts';
import type { Position, Tree } from './yaml.ts';
import { dotted, isTree } from './yaml.ts';

/** Values that lie over the layers before: what they are, and where each was said. */
export type Layer = {
  layer: Origin['layer'];
  file: string;
  tree: Tree;
  places: ReadonlyMap<string, { key: Position; value: Position }>;
};

/** Layers laid over each other, lowest first: maps merge, everything else replaces. Pure. */
export function mergeLayers(layers: readonly Layer[]): Tree {
  return layers.reduce<Tree>((under, { tree }) => mergeTrees(under, tree, []), {});
}

/** Who said the effective value at a dotted path: the topmost layer that has it. A path that nobody named is the defaults'. */
export function originOf(layers: readonly Layer[], path: string): Origin {
  const keys = path.split('.');
  for (const { layer, file, tree, places } of layers.toReversed()) {
    const said = saidAt(tree, keys);
    if (said) return { layer, file, line: places.get(dotted(said))?.key.line ?? 0 };
  }
  return { layer: 'defaults', file: 'defaults', line: 0 };
}

function mergeTrees(under: Tree, over: Tree, path: readonly string[]): Tree {
  const merged = Object.entries(over).flatMap(([key, value]) => {
    const here = [...path, key];
    // In Autolab's own keys a value left empty counts as absent; in the gate it is an error that the schema tells.
    if (value === null && here[0] !== 'gate') return [];
    return [[key, mergeValue(Object.hasOwn(under, key) ? under[key] : undefined, value, here)] as const];
  });
  return Object.fromEntries([...Object.entries(under), ...merged]);
}

function mergeValue(under: unknown, over: unknown, path: readonly string[]): unknown {
  if (!isTree(over)) return over;
  if (isTree(under)) return mergeTrees(under, over, path);
  // `{ ask: 2 }` over a plain 4, which denies above 4, refines it and must not take the 4 away.
  if (isBound(path) && under !== undefined && under !== null) return { deny: under, ...over };
  return mergeTrees({}, over, path);
}

function isBound(path: readonly string[]): boolean {
  if (path[0] !== 'gate' || path[1] !== 'limits') return false;
  return path[2] === 'spend' ? path.length === 5 : path.length === 4 && (path[2] === 'jobs' || path[2] === 'per_job');
}

/** The path at which a tree says the value: itself, or for one half of a limit the plain amount that stands for it. */
function saidAt(tree: Tree, keys: readonly string[]): readonly string[] | undefined {
  let value: unknown = tree;
  for (const [depth, key] of keys.entries()) {
    if (Array.isArray(value)) {
      value = value[Number(key)];
      if (value === undefined) return undefined;
      continue;
    }
    if (!isTree(value))
      return isBound(keys.slice(0, depth)) && value !== undefined && keys[depth] === 'deny' ? keys.slice(0, depth) : undefined;
    if (!Object.hasOwn(value, key)) return undefined;
    value = value[key];
  }
  return value === null && keys[0] !== 'gate' ? undefined : keys;
}
