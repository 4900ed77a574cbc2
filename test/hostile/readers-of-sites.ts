import { pathPattern } from '../../src/runs/artifacts/path-pattern.ts';
import { readUser } from '../../src/runs/resume/user.ts';
import {
  filesThere,
  foldersThere,
  freeThere,
  giveUpThere,
  groundThere,
  hashesThere,
  keepNoteThere,
  linkRestThere,
  noteThere,
  pieceThere,
} from '../../src/sites/far-files.ts';
import type { Ask, Output } from '../../src/sites/transports/transport.ts';
import { readWorkspaceLook } from '../../src/sites/workspace-look.ts';
import type { Reader } from './reader.ts';

const HASH = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855';

function output(stdout: string): Output {
  return { exit: 0, signal: null, stdout, stderr: '', timedOut: false, notStarted: false };
}

function answered(name: string, seed: string, ask: Ask<unknown>, words: readonly string[] = []): Reader {
  return { names: [`sites/far-files.ts#${name}`], seeds: [seed], words, read: (text) => ask.read(output(text)) };
}

/** What is read of the files of a site that has its own. */
export const SITE_READERS: readonly Reader[] = [
  answered('giveUpThere', 'owner 12\nend\n', giveUpThere('/lab/gate', 'main', 1)),
  answered('foldersThere', 'end\n', foldersThere(['/lab'])),
  answered('linkRestThere', 'end\n', linkRestThere('/lab/tree', '', '/lab', 'e')),
  answered('hashesThere', `${HASH} *a b\0end\0`, hashesThere('/lab', ['a b']), [`${HASH} *a\0`]),
  answered('filesThere', '12 1795900000.5 ./runs/a\0end\0', filesThere('/lab', 'run'), ['1 1 ./a\0', '\0']),
  answered('pieceThere', 'file 0 12\na line\n\nend\n', pieceThere('/lab', 'tail', 10, ['/lab/a']), ['file 0 1\n']),
  answered('noteThere', 'note\n{"run":"r"}\nend\n', noteThere('a.json'), ['note\n']),
  answered('keepNoteThere', 'end\n', keepNoteThere('a.json', '{}')),
  answered('freeThere', 'free 12\nend\n', freeThere('/lab')),
  answered('groundThere', 'clock 1\nthere\nwritable\nlog a\nrsync\nfree 1\nend\n', groundThere('/lab'), ['log a\n', 'free 1\n']),
  {
    names: ['runs/resume/user.ts#readUser'],
    seeds: ['{"schema_version":"1","repository":"abc","path":"/repo","run":"r1"}'],
    read: readUser,
  },
  {
    names: ['sites/workspace-look.ts#readWorkspaceLook'],
    seeds: [
      `iteration /lab/e\npath /lab/e/w\nlock /lab/e/w/lock\ninode 12\nused\nconfig ${HASH}\nlook\nhost n1\nnow 1795900000\nthere absent\nend\n`,
      'iteration /lab/e\npath /lab/e/w\nlook\nend\n',
    ],
    words: ['look\n', 'inode 1\n', 'used\n', 'path /lab\n'],
    read: (text) => readWorkspaceLook(output(text), 'w'),
  },
  {
    names: ['runs/artifacts/path-pattern.ts#pathPattern'],
    seeds: ['data/**/a?.npz', '**/a/**/b'],
    words: ['**/', '**/a/', '*', '?'],
    read: (text) => pathPattern(text).test('a/b/'.repeat(300)),
  },
];
