import { cpSync, mkdirSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { userInfo } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { mintRepositoryId, repositoryId, stateFolder } from '../../src/runs/home.ts';
import { failureOf } from './failing.ts';
import { scratch } from './samples.ts';

const top = scratch('home');
const made: string[] = [];
afterAll(() => {
  top.remove();
  for (const folder of made) rmSync(folder, { recursive: true, force: true });
});
const stateOf = (repo: string) => {
  const folder = stateFolder(repo);
  made.push(folder);
  return folder;
};
function repository(name: string): string {
  const repo = join(top.path, name);
  mkdirSync(repo);
  return repo;
}

test('an identity is minted once', () => {
  const repo = repository('one');
  expect(repositoryId(repo)).toBeUndefined();
  const id = mintRepositoryId(repo);
  expect(id).toMatch(/^[0-9a-f]{32}$/);
  expect([mintRepositoryId(repo), repositoryId(repo)]).toEqual([id, id]);
  expect(JSON.parse(readFileSync(join(repo, '.autolab', 'gate', 'id'), 'utf8'))).toEqual({
    schema_version: '1',
    id,
    created_at: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/),
  });
});

test.each(['', '{}', '{"schema_version":"1","id":"short","created_at":"x"}'])(
  'an identity that is none is refused: %j',
  (text) => {
    const repo = repository(`bad${text.length}`);
    mkdirSync(join(repo, '.autolab', 'gate'), { recursive: true });
    writeFileSync(join(repo, '.autolab', 'gate', 'id'), text);
    for (const work of [() => repositoryId(repo), () => mintRepositoryId(repo), () => stateFolder(repo)])
      expect(failureOf(work)).toMatchObject({
        code: 'file_invalid',
        what: expect.stringContaining(join(repo, '.autolab', 'gate', 'id')),
      });
    expect(readFileSync(join(repo, '.autolab', 'gate', 'id'), 'utf8')).toBe(text);
  },
);

test('without an identity there is no place', () => {
  const repo = repository('none');
  expect(failureOf(() => stateFolder(repo))).toEqual({
    code: 'no_repository',
    what: `${repo} has no .autolab/gate/id`,
    why: 'it was never initialised by autolab-mcp',
    next: 'a person runs `autolab-mcp init` there once',
    retry: false,
  });
});

test('the place is the account’s own, whatever HOME and XDG say, and for nobody else', () => {
  const repo = repository('place');
  mintRepositoryId(repo);
  const before = { HOME: process.env.HOME, XDG_STATE_HOME: process.env.XDG_STATE_HOME };
  Object.assign(process.env, { HOME: top.path, XDG_STATE_HOME: top.path });
  try {
    const folder = stateOf(repo);
    expect(dirname(folder)).toBe(join(userInfo().homedir, '.local', 'state', 'autolab'));
    expect(statSync(folder).mode & 0o777).toBe(0o700);
    expect(stateOf(repo)).toBe(folder);
  } finally {
    for (const [name, value] of Object.entries(before)) {
      if (value === undefined) delete process.env[name];
      else process.env[name] = value;
    }
  }
});

test('a copy has another place; a link to the same repository has the same', () => {
  const repo = repository('original');
  const id = mintRepositoryId(repo);
  const copy = join(top.path, 'copy');
  cpSync(repo, copy, { recursive: true });
  symlinkSync(repo, join(top.path, 'link'));
  expect(repositoryId(copy)).toBe(id);
  expect(stateOf(copy)).not.toBe(stateOf(repo));
  expect(stateOf(join(top.path, 'link'))).toBe(stateOf(repo));
});
