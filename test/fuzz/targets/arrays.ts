import { writeFileSync } from 'node:fs';
import { checkFiles } from '../../../src/runs/artifacts/file-kinds.ts';
import { readArray } from '../../../src/runs/artifacts/npy.ts';
import { headerEnd, readHeader } from '../../../src/runs/artifacts/npy-header.ts';
import { readNpz } from '../../../src/runs/artifacts/npz.ts';
import { npzFaults } from '../../../src/runs/artifacts/npz-rules.ts';
import { pythonLiteral } from '../../../src/runs/artifacts/python-literal.ts';
import type { Reader } from '../../hostile/reader.ts';
import { FOLDER, fileWith } from '../../hostile/scratch-file.ts';
import { target as of } from '../target.ts';
import { npyOf, zipOf } from '../zip-of.ts';

const WORDS = [
  "'<f8'",
  "'>i4'",
  "'|u1'",
  "'<c16'",
  "'<U3'",
  "'<f2'",
  "'<i8'",
  '(3,)',
  '()',
  '(0, 4)',
  '\x93NUMPY\x01\0',
  'PK\x01\x02',
  'PK\x03\x04',
  'PK\x05\x06',
];
const TYPES: readonly (readonly [string, number])[] = [
  ['<f8', 8],
  ['>f4', 4],
  ['<f2', 2],
  ['<i8', 8],
  ['>u8', 8],
  ['<i4', 4],
  ['|u1', 1],
  ['|b1', 1],
  ['<c16', 16],
  ['<U2', 8],
  ['<M8[ns]', 8],
];
const arrays = TYPES.map(([type, size]) => npyOf(type, [3], Buffer.from(Array.from({ length: 3 * size }, (_, at) => at * 17))));
const rules = {
  ...{ keys: ['arr_0'], dtype: { arr_0: '<f8' }, shape: { arr_0: [3] }, finite: ['arr_0'], monotonic: ['arr_0'] },
  ...{ sum: { arr_0: '3' }, edges_of: { arr_0: 'b' } },
};
const latin1 = (bytes: Buffer) => bytes.toString('latin1');

async function* inPieces(bytes: Buffer): AsyncGenerator<Buffer> {
  for (let at = 0; at < bytes.length; at += 7) yield bytes.subarray(at, at + 7);
}

/** Through a file, as collected artifacts are read, and then judged by rules of every kind. */
const readFile = (name: string) => async (text: string) => {
  const path = fileWith(name, '');
  writeFileSync(path, text, 'latin1');
  const { arrays: read } = await readNpz(path);
  return npzFaults(read, rules);
};

const READERS: readonly Reader[] = [
  {
    names: ['runs/artifacts/npy.ts#readArray'],
    seeds: arrays.map(latin1),
    words: WORDS,
    read: (text) => readArray(inPieces(Buffer.from(text, 'latin1'))),
  },
  {
    names: ['runs/artifacts/npz.ts#readNpz', 'runs/artifacts/zip.ts#eachMember'],
    seeds: [false, true].map((packed) =>
      latin1(zipOf({ 'arr_0.npy': arrays[0] ?? Buffer.alloc(0), 'b.npy': arrays[5] ?? Buffer.alloc(0), 'c.txt': 'x' }, packed)),
    ),
    words: WORDS,
    read: readFile('some.npz'),
  },
  { names: ['runs/artifacts/npz.ts#readNpz'], seeds: arrays.map(latin1), words: WORDS, read: readFile('some.npy') },
  {
    names: ['runs/artifacts/npz.ts#readNpz', 'one member'],
    seeds: arrays.map(latin1),
    words: WORDS,
    read: (text) => readFile('one.npz')(latin1(zipOf({ 'arr_0.npy': Buffer.from(text, 'latin1') }, true))),
  },
  {
    names: ['runs/artifacts/npy-header.ts#readHeader'],
    seeds: ["{'descr': '<f8', 'fortran_order': False, 'shape': (3, 4), }"],
    words: WORDS,
    read: (text) => {
      const bytes = npyOf('', [], Buffer.alloc(0), text);
      return readHeader(bytes.subarray(0, headerEnd(bytes)));
    },
  },
  {
    names: ['runs/artifacts/python-literal.ts#pythonLiteral'],
    seeds: ["{'descr': [('a', '<f8'), (\"b\", '|S2')], 'x': True, 'n': None, 'shape': (1, -2, 3.5), }"],
    words: ['(', "'\\''", '{1:', 'True', '[]', '()'],
    read: pythonLiteral,
  },
];

const HASHES = `${'0'.repeat(64)}  some.csv\n${'a'.repeat(64)} *sub/x y\n`;
const TABLE = 'a,b,"c ""d"""\n1,2.5,"x\ny"\n3,-4e-3,\n';
const FILES: readonly Reader[] = [
  {
    names: ['runs/artifacts/hashes.ts#hashFaults'],
    seeds: [HASHES],
    words: ['../', '/', '\0', '  ', 'some.csv'],
    read: (text) => {
      fileWith('SHA256SUMS', text);
      return checkFiles(FOLDER, ['SHA256SUMS', 'SHA*'], { kind: 'hashes', path: 'SHA256SUMS' });
    },
  },
  {
    names: ['runs/artifacts/csv.ts#csvFaults'],
    seeds: [TABLE, TABLE.replaceAll(',', '\t')],
    words: ['"', '""', ',', '\t', '\r\n', '\ufeff'],
    read: async (text) => {
      for (const name of ['some.csv', 'some.tsv']) {
        fileWith(name, text);
        await checkFiles(FOLDER, [name], { kind: 'csv', path: name, columns: ['a', 'b'], rows: { at_least: 1 } });
      }
    },
  },
];

/** Arrays of numpy, and the archives they come in; tables and lists of hashes. */
export const target = of([...READERS, ...FILES], 'bytes');
