import { boundary, cap, clean, nearest, quote, redact } from '../../src/base/text.ts';
import { readArguments } from '../../src/cli/arguments.ts';
import { GLOBALS, readGlobals } from '../../src/cli/globals.ts';
import { matches } from '../../src/runs/artifacts/glob.ts';
import { jsonFaults } from '../../src/runs/artifacts/json-rules.ts';
import { headerEnd, readHeader } from '../../src/runs/artifacts/npy-header.ts';
import { pythonLiteral } from '../../src/runs/artifacts/python-literal.ts';
import { hasRow } from '../../src/runs/autolab/ledger.ts';
import { coreScalar, pythonScalar } from '../../src/runs/autolab/yaml-scalars.ts';
import { readAnswer } from '../../src/server/question.ts';
import type { Reader } from './reader.ts';
import { fileWith } from './scratch-file.ts';

const LOG = `step 1 \u001b[32mok\u001b[0m https://user:pass-word@host/x Bearer abcdefghijklmnop password=hunter22 AKIAABCDEFGHIJKLMNOP
-----BEGIN RSA PRIVATE KEY-----\nabc\n-----END RSA PRIVATE KEY-----\neyJhbGciOi.eyJzdWIi.x ghp_abcdefghijklmnopqrstuvwxyz\n`;
const TEXT_WORDS = [
  ...[
    'token',
    'token-',
    'a-',
    'a.',
    'a://',
    'a://b:',
    'eyJ',
    '-eyJaaaaaaaa',
    'eyJaaaaaaaa.',
    'sk-',
    ' sk-',
    'password ',
    "token'",
    'Bearer ',
    'basic\t',
  ],
  ...[
    '-----BEGIN ',
    '-----BEGIN PRIVATE KEY-----',
    '-----END ',
    '\u001b]',
    '\u001b[',
    '\u001b[1',
    '\u001b',
    'api_key=',
    'secret: ',
    'x@',
    ':@',
  ],
];
const HEADER = "{'descr': '<f8', 'fortran_order': False, 'shape': (3, 4), }";

/** The bytes of a header that says this, of version 1. */
function npy(text: string): Buffer {
  const said = Buffer.from(text, 'latin1');
  const length = Buffer.alloc(2);
  length.writeUInt16LE(said.length & 0xffff);
  return Buffer.concat([Buffer.from('\x93NUMPY\x01\x00', 'latin1'), length, said]);
}

export const ARTIFACT_READERS: readonly Reader[] = [
  { names: ['base/text.ts#clean'], seeds: [LOG], words: TEXT_WORDS, read: clean },
  { names: ['base/text.ts#redact'], seeds: [LOG], words: TEXT_WORDS, read: redact },
  {
    names: ['base/text.ts#quote', 'base/text.ts#cap'],
    seeds: [LOG],
    words: TEXT_WORDS,
    read: (text) => [quote(text, 100), cap(text, 7)],
  },
  { names: ['base/text.ts#boundary'], seeds: [LOG], read: (text) => boundary(text, 'log') },
  {
    names: ['base/text.ts#nearest'],
    seeds: ['partition'],
    read: (text) => nearest(text, ['partition', 'partitions', 'account']),
  },
  {
    names: ['runs/artifacts/python-literal.ts#pythonLiteral'],
    seeds: [HEADER],
    words: ['(', "'", "'\\'", '{1:', '1,', 'True'],
    read: pythonLiteral,
  },
  {
    names: ['runs/artifacts/npy-header.ts#readHeader'],
    seeds: [HEADER],
    words: ['(9,', "'<f8'", '9007199254740991,'],
    read: (text) => {
      const bytes = npy(text);
      return readHeader(bytes.subarray(0, headerEnd(bytes)));
    },
  },
  {
    names: ['runs/artifacts/json-rules.ts#jsonFaults'],
    seeds: ['{"a":{"b":[1,2]},"a.b":3}', '[{"a":1}]'],
    words: ['{"a":', '[', '"a":1,'],
    read: (text) =>
      jsonFaults(fileWith('artifact.json', text), 'artifact.json', {
        ...{
          kind: 'json',
          path: 'artifact.json',
          required: ['a'],
          equals: { a: 1, 'a.b': 3 },
          at_least: { 'a.b.0': 1 },
          at_most: { 0: 2 },
        },
      }),
  },
  {
    names: ['runs/artifacts/glob.ts#matches'],
    seeds: ['*a?b*', 'batch_*'],
    words: ['*a', '*', '?'],
    read: (text) => [matches('a'.repeat(3000), text), matches(text, '*a*b*c')],
  },
  {
    names: ['runs/autolab/ledger.ts#hasRow'],
    seeds: ['- a | run_id=r1'],
    words: ['run_id=r1'],
    read: (text) => hasRow(text, 'r1'),
  },
  {
    names: ['runs/autolab/yaml-scalars.ts#pythonScalar'],
    seeds: ['1:30:00', '2026-01-01 10:00:00', '1e-3'],
    words: ['1:', '1_', '0', ' '],
    read: (text) => [pythonScalar(text), coreScalar(text)],
  },
  {
    names: ['cli/arguments.ts#readArguments'],
    seeds: ['--repo /lab --json', '--no-wait x'],
    words: ['--x ', '--repo=', '-- '],
    read: (text) => readArguments('', GLOBALS, text.split(' ')),
  },
  {
    names: ['cli/globals.ts#readGlobals'],
    seeds: ['runs --json --repo=/lab'],
    words: ['--x ', '-h ', '--'],
    read: (text) => readGlobals(text.split(' ')),
  },
  { names: ['server/question.ts#readAnswer'], seeds: ['{"answer":"grant"}'], read: (text) => readAnswer('accept', parsed(text)) },
];

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
