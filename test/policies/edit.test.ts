import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { editYaml } from '../../src/policies/edit.ts';
import type { Tree } from '../../src/policies/yaml.ts';
import { readPolicyText } from '../../src/policies/yaml.ts';

const edit = (text: string, patch: Tree): string => editYaml(text, patch, 'policy.yaml');

describe('editing a YAML file', () => {
  it.each<[string, string, Tree, string]>([
    ['an empty file', '', { a: { b: true } }, 'a:\n  b: true\n'],
    ['a file of comments', '# one\n', { a: 1 }, '# one\na: 1\n'],
    ['a scalar with its comment', 'a: 1  # why\nb: 2\n', { a: 3 }, 'a: 3  # why\nb: 2\n'],
    ['a quoted scalar', "a: 'x y'\n", { a: 'z' }, 'a: z\n'],
    ['a value left empty', 'a:  # why\nb: 2\n', { a: 'x' }, 'a: x  # why\nb: 2\n'],
    ['an equal value in other words', 'a: yes\nb: 0x10\n', { a: true, b: 16 }, 'a: yes\nb: 0x10\n'],
    [
      'a missing key of a map',
      'a:\n    b: 1  # why\n    # after\nc: 2\n',
      { a: { d: 3 } },
      'a:\n    b: 1  # why\n    d: 3\n    # after\nc: 2\n',
    ],
    ['a missing map', 'a: 1\n\n# end\n', { b: { c: { d: ['x', 'y z'] } } }, 'a: 1\nb:\n  c:\n    d: [x, "y z"]\n\n# end\n'],
    ['a missing key of a deep last map', 'a:\n  b:\n    c: 1\n# end\n', { a: { d: 2 } }, 'a:\n  b:\n    c: 1\n  d: 2\n# end\n'],
    ['a flow map', 'a: { b: 1 }  # why\n', { a: { b: 2, c: 'x' } }, 'a: { b: 2, c: x }  # why\n'],
    ['an empty flow map', 'a: {}\n', { a: { b: 2, c: 3 } }, 'a: { b: 2, c: 3 }\n'],
    ['a list', 'a: [1, 2]  # why\n', { a: [] }, 'a: []  # why\n'],
    [
      'a block list with comments',
      'x: 1\na:  # why\n  - 1  # one\n  # between\n  - 2\n# end\nb: 2\n',
      { a: [3] },
      'x: 1\n# why\n# one\n# between\na: [3]\n# end\nb: 2\n',
    ],
    ['a block list at no indent', 'a:\n- 1\n- 2\nb: 2\n', { a: false }, 'a: false\nb: 2\n'],
    ['a block text', 'a: |  # why\n  # no comment\n  x\nb: 2\n', { a: 'y' }, '# why\na: "y"\nb: 2\n'],
    ['a scalar that becomes a map', 'a: 1\n', { a: { b: { c: 2 } } }, 'a: { b: { c: 2 } }\n'],
    ['no newline at the end', 'a: 1', { b: 2 }, 'a: 1\nb: 2\n'],
    ['Windows lines', 'a:\r\n  b: 1\r\nc: 2\r\n', { a: { d: true } }, 'a:\r\n  b: 1\r\n  d: true\r\nc: 2\r\n'],
    ['words that YAML would take for others', 'a: 1\n', { a: 'yes', b: '12:00:00', c: '' }, 'a: "yes"\nb: "12:00:00"\nc: ""\n'],
    ['a key in quotes', '"a": 1\n', { a: 2 }, '"a": 2\n'],
    [
      'a key that comes from a merge',
      'base: &b { x: 1 }\na:\n  <<: *b\n  y: 2\n',
      { a: { x: 3 } },
      'base: &b { x: 1 }\na:\n  <<: *b\n  y: 2\n  x: 3\n',
    ],
  ])('%s', (_name, before, patch, after) => {
    expect(edit(before, patch)).toBe(after);
  });

  it('refuses what it cannot edit without changing more, with the keys to set by hand', () => {
    expect(() => edit('b: &b { x: 1 }\na: *b\n', { a: { y: 2 } })).toThrow(
      expect.objectContaining({ code: 'unsupported', next: 'set by hand: a.y: 2' }),
    );
    expect(() => edit('b: &b { x: 1 }\na: *b\n', { b: { x: 2 } })).toThrow(expect.objectContaining({ code: 'unsupported' }));
  });

  it('refuses a file that does not parse', () => {
    expect(() => edit('a: [1\n', { a: 2 })).toThrow(expect.objectContaining({ code: 'policy_invalid' }));
  });
});

type Made = { text: string; comments: string[] };
const key = fc.constantFrom('a', 'b', 'c', 'deep', 'launch');
const scalar = fc.oneof(
  fc.boolean(),
  fc.integer({ min: -99, max: 99 }),
  fc.constantFrom('text', 'two words', 'yes', '12:00:00', '#x', 'a: b', ''),
);
const value: fc.Arbitrary<unknown> = fc.oneof(scalar, fc.array(scalar, { maxLength: 3 }));
const tree: fc.Arbitrary<Tree> = fc.letrec<{ tree: Tree; node: unknown }>((tie) => ({
  tree: fc.dictionary(key, tie('node'), { maxKeys: 4 }),
  node: fc.oneof({ depthSize: 'small' }, value, tie('tree')),
})).tree;

/** The tree as people write it: comments before and behind lines, lists over lines, maps in braces now and then. */
function written(from: Tree, style: () => number): Made {
  const comments: string[] = [];
  const note = (): string => {
    comments.push(`# note ${comments.length}.`);
    return comments.at(-1) ?? '';
  };
  const lines = (map: Tree, indent: string): string[] =>
    Object.entries(map).flatMap(([name, inner]) => {
      const above = style() < 0.3 ? [`${indent}${note()}`] : [];
      const behind = style() < 0.3 ? `  ${note()}` : '';
      const isMap = typeof inner === 'object' && inner !== null && !Array.isArray(inner) && Object.keys(inner).length > 0;
      if (isMap && style() < 0.8) return [...above, `${indent}${name}:${behind}`, ...lines(inner as Tree, `${indent}  `)];
      if (Array.isArray(inner) && inner.length > 0 && style() < 0.6) {
        const items = inner.map((item) => `${indent}  - ${JSON.stringify(item)}${style() < 0.3 ? `  ${note()}` : ''}`);
        return [...above, `${indent}${name}:${behind}`, ...items];
      }
      return [...above, `${indent}${name}: ${JSON.stringify(inner)}${behind}`];
    });
  const text = lines(from, '')
    .map((line) => `${line}\n`)
    .join('');
  return { text, comments };
}

describe('laws of editing', () => {
  it('merges the values, keeps every comment, and does nothing the second time', () => {
    fc.assert(
      fc.property(tree, tree, fc.infiniteStream(fc.double({ min: 0, max: 1, noNaN: true })), (from, patch, styles) => {
        const { text, comments } = written(from, () => styles.next().value ?? 0);
        fc.pre(readPolicyText(text, 'f').problems.length === 0);
        const after = edit(text, patch);
        for (const comment of comments) expect(after).toContain(comment);
        expect(edit(after, patch)).toBe(after);
      }),
      { numRuns: 200 },
    );
  });
});
