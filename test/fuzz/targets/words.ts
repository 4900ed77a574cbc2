import { join } from 'node:path';
import { findPaths, isGlob } from '../../../src/runs/artifacts/glob.ts';
import { readYaml } from '../../../src/runs/autolab/yaml.ts';
import { pythonArguments } from '../../../src/runs/results/python-arguments.ts';
import type { Reader } from '../../hostile/reader.ts';
import { ARTIFACT_READERS } from '../../hostile/readers-of-artifacts.ts';
import { FILE_READERS } from '../../hostile/readers-of-files.ts';
import { FOLDER, fileWith } from '../../hostile/scratch-file.ts';
import { target as of } from '../target.ts';

for (const name of ['a.npz', 'b/a_1.json', 'b/c/a_2.json', 'b/.hidden/x', 'gate/journal.jsonl', '__proto__/y'])
  fileWith(join('tree', name), 'x');

const ARGUMENTS = `args: { epochs: 3, rate: 1.0e-5, tiny: 1e-7, flag: true, off: false, none: null, names: [a, 1, 2.50, true, null],
  map: { z: 1, a: [1.0, x, { q: "é" }] }, under_score: "two words", big: 12345678901234567890, "odd key ": .inf }
`;

const MORE: readonly Reader[] = [
  {
    names: ['runs/artifacts/glob.ts#findPaths'],
    seeds: ['**/*.json', 'b/a_?.json', 'a.npz', '**', './b//c/*', '**/**/x'],
    words: ['**/', '*', '?', '../', '/', 'gate', '.'],
    read: (text) => {
      const found = findPaths(join(FOLDER, 'tree'), text);
      if (isGlob(text) && !text.includes('gate') && found.some((path) => path.startsWith('gate/')))
        throw new Error('gate/ was searched');
    },
  },
  {
    names: ['runs/results/python-arguments.ts#pythonArguments'],
    seeds: [ARGUMENTS],
    words: [
      '.nan',
      '-.inf',
      '0x1F',
      '0o17',
      '1_000',
      '1:30',
      '-0.0',
      '1.e5',
      '[',
      '{',
      '- ',
      '&a ',
      '*a',
      '!!str ',
      "''",
      '~',
      '<<: ',
    ],
    read: (text) => {
      const read = readYaml(text, 'design.yaml', 'shared');
      const value = read.value;
      const args = typeof value === 'object' && value !== null && 'args' in value ? value.args : undefined;
      if (typeof args !== 'object' || args === null || Array.isArray(args)) return undefined;
      return pythonArguments({ ...args }, read, ['args']);
    },
  },
];
const ARGUMENT = /python-arguments|splitWords/;

/** Patterns of artifacts, the words of command lines, and texts that are shown. */
export const target = of([
  ...MORE,
  ...FILE_READERS.filter(({ names }) => names.some((name) => ARGUMENT.test(name))),
  ...ARTIFACT_READERS,
]);
