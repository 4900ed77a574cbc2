import { chmodSync, lstatSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { connect } from 'node:net';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { listenOnPort, listenOnSocket } from '../../../src/base/listening.ts';
import { httpPlace } from '../../../src/server/http/options.ts';
import { readTokens } from '../../../src/server/http/tokens.ts';
import { ownFolder } from './serving.ts';

const TOKEN = 'a-token-0123456789abcdef0123456789abcdef';

let folder: ReturnType<typeof ownFolder>;
const servers: ReturnType<typeof createServer>[] = [];
const server = () => {
  const one = createServer((_, res) => res.end());
  servers.push(one);
  return one;
};

beforeAll(() => {
  folder = ownFolder();
});
afterEach(async () => {
  const closing = servers.splice(0).filter(({ listening }) => listening);
  await Promise.all(closing.map((one) => new Promise((resolve) => one.close(resolve))));
});
afterAll(() => folder.remove());

const at = (name: string) => join(folder.path, name);

describe('a socket', () => {
  test('has mode 0600 in a folder that is made with 0700, whatever the umask', async () => {
    const before = process.umask(0);
    try {
      const path = await listenOnSocket(server(), at('made/x.sock'));
      expect([lstatSync(path).mode & 0o777, lstatSync(at('made')).mode & 0o777]).toEqual([0o600, 0o700]);
      expect(process.umask()).toBe(0);
    } finally {
      process.umask(before);
    }
  });

  test.each<[string, (path: string) => void]>([
    ['a file', (path) => writeFileSync(path, 'precious')],
    ['a link to a socket', (path) => symlinkSync(at('other.sock'), path)],
    ['a folder', (path) => mkdirSync(path)],
  ])('does not take the place of %s', async (what, make) => {
    const path = at(what.replaceAll(' ', '-'));
    make(path);
    const { ino } = lstatSync(path);
    await expect(listenOnSocket(server(), path)).rejects.toMatchObject({
      code: 'cannot_listen',
      why: expect.stringMatching(/no socket/),
    });
    expect(lstatSync(path).ino).toBe(ino);
  });

  test('is not put where others may enter, nor where it has no place', async () => {
    mkdirSync(at('open'));
    chmodSync(at('open'), 0o750);
    await expect(listenOnSocket(server(), at('open/x.sock'))).rejects.toMatchObject({
      code: 'cannot_listen',
      next: expect.stringContaining(`chmod 700 ${at('open')}`),
    });
    await expect(listenOnSocket(server(), at('none/none/x.sock'))).rejects.toMatchObject({ code: 'cannot_listen' });
    await expect(listenOnSocket(server(), at(`${'x'.repeat(108)}`))).rejects.toMatchObject({
      why: expect.stringContaining('107'),
    });
  });

  test('where somebody answers is left to them, also where their answers are late', async () => {
    const first = server();
    first.maxConnections = 1;
    const path = await listenOnSocket(first, at('taken.sock'));
    const held = connect(path);
    await new Promise((resolve) => held.once('connect', resolve));
    await expect(listenOnSocket(server(), path)).rejects.toMatchObject({
      code: 'cannot_listen',
      why: expect.stringMatching(/answers there/),
    });
    expect(first.listening).toBe(true);
    held.destroy();
  });
});

test('a port that is taken is told', async () => {
  const port = await listenOnPort(server(), '127.0.0.1', 0);
  expect(port).toBeGreaterThan(0);
  await expect(listenOnPort(server(), '127.0.0.1', port)).rejects.toMatchObject({
    code: 'cannot_listen',
    what: expect.stringContaining(String(port)),
  });
});

describe('the command line', () => {
  test.each<[Parameters<typeof httpPlace>[0], ReturnType<typeof httpPlace>]>([
    [{}, undefined],
    [{ http: true }, {}],
    [{ http: true, socket: 's' }, { socket: '/d/s' }],
    [{ http: true, 'token-file': 't' }, { tokenFile: '/d/t' }],
    [
      { http: true, port: '0', 'token-file': '/t' },
      { host: '127.0.0.1', port: 0, tokenFile: '/t' },
    ],
    [
      { http: true, port: '65535', host: '::1', 'token-file': 't' },
      { host: '::1', port: 65_535, tokenFile: '/d/t' },
    ],
  ])('%j is %j', (given, place) => {
    expect(httpPlace(given, '/d')).toEqual(place);
  });

  test.each<[Parameters<typeof httpPlace>[0], RegExp]>([
    [{ http: true, port: '0' }, /--port needs --token-file/],
    [{ http: true, port: '0', host: '0.0.0.0', 'token-file': 't' }, /--host takes 127\.0\.0\.1 or ::1/],
    [{ http: true, port: '0', host: 'localhost', 'token-file': 't' }, /--host takes/],
    [{ http: true, port: '65536', 'token-file': 't' }, /--port takes a number/],
    [{ http: true, port: '1e3', 'token-file': 't' }, /--port takes a number/],
    [{ http: true, port: '-1', 'token-file': 't' }, /--port takes a number/],
    [{ http: true, port: '1', socket: 's', 'token-file': 't' }, /give one/],
    [{ http: true, host: '::1' }, /--host goes with --port/],
    [{ socket: 's' }, /--socket goes with --http/],
    [{ port: '1' }, /--port goes with --http/],
    [{ 'token-file': 't' }, /--token-file goes with --http/],
  ])('%j is told what is wrong', (given, words) => {
    expect(() => httpPlace(given, '/d')).toThrow(words);
  });
});

describe('a token file', () => {
  test('has a token a line, each known by a name that does not give it away', () => {
    writeFileSync(at('two'), `\n${TOKEN}\n  ${TOKEN}2  \n`, { mode: 0o600 });
    const { nameOf } = readTokens(at('two'));
    const [first, second] = [nameOf(TOKEN), nameOf(`${TOKEN}2`)];
    expect([first, second]).toEqual([expect.stringMatching(/^[0-9a-f]{8}$/), expect.stringMatching(/^[0-9a-f]{8}$/)]);
    expect(first).not.toBe(second);
    expect(['', TOKEN.slice(1), `${TOKEN} `, `${TOKEN}\n${TOKEN}2`, '0'.repeat(100_000)].map(nameOf)).toEqual(
      Array(5).fill(undefined),
    );
  });

  test.each<[string, (path: string) => void, string, RegExp]>([
    ['not there', () => {}, 'file_missing', /no token file/],
    ['readable by others', (path) => writeFileSync(path, `${TOKEN}\n`, { mode: 0o640 }), 'file_invalid', /others may use it/],
    ['a link', (path) => symlinkSync(at('two'), path), 'file_invalid', /it is a link/],
    ['a folder', (path) => mkdirSync(path, { mode: 0o700 }), 'file_invalid', /no plain file/],
    ['empty', (path) => writeFileSync(path, '\n', { mode: 0o600 }), 'file_invalid', /no token in it/],
    ['too short', (path) => writeFileSync(path, 'x'.repeat(31), { mode: 0o600 }), 'file_invalid', /31 characters of at least 32/],
    ['two words', (path) => writeFileSync(path, `${TOKEN} y`, { mode: 0o600 }), 'file_invalid', /characters that no bearer/],
    ['bytes', (path) => writeFileSync(path, Buffer.alloc(100, 255), { mode: 0o600 }), 'file_invalid', /characters that no/],
    ['long', (path) => writeFileSync(path, `${TOKEN}\n`.repeat(17), { mode: 0o600 }), 'file_invalid', /at most 16/],
    ['huge', (path) => writeFileSync(path, 'x'.repeat(70_000), { mode: 0o600 }), 'file_invalid', /70000 bytes/],
  ])('that is %s is refused, and never shown', (what, make, code, words) => {
    const path = at(`tokens-${what.replaceAll(' ', '-')}`);
    make(path);
    const refused = expect(() => readTokens(path));
    refused.toThrow(expect.objectContaining({ code, message: expect.stringMatching(words) }));
    refused.not.toThrow(TOKEN);
  });
});
