import { execFileSync } from 'node:child_process';
import { appendFileSync, mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { sha256 } from '../../src/base/digest.ts';
import type { EventsAsked } from '../../src/sites/events-look.ts';
import { EVENTS_LIMIT, eventsLook, readEventsSeen } from '../../src/sites/events-look.ts';
import { localTransport } from '../../src/sites/transports/local.ts';

const transport = localTransport();
const ask = async (...asked: EventsAsked[]) => {
  const { command, read } = eventsLook(asked);
  return read(await transport.run(command, { timeoutMs: 30_000 }));
};
let top: string;
let repo: string;
let file: string;
beforeEach(() => {
  top = realpathSync(mkdtempSync(join(tmpdir(), 'events-')));
  repo = join(top, "a lab's repository");
  mkdirSync(repo);
  file = join(repo, '.events.log');
});
afterEach(() => rmSync(top, { recursive: true }));

const EMPTY = { bytes: 0, sha256: sha256('') };
const head = (bytes: string | Buffer) => ({ bytes: bytes.length, sha256: sha256(bytes) });
const asked = (more: Partial<EventsAsked> = {}): EventsAsked => ({
  within: [repo],
  paths: [file],
  offset: 0,
  head: EMPTY,
  ...more,
});

test('every byte of what is new comes as it is, of several logs at once', async () => {
  const other = join(repo, 'other');
  const bytes = Buffer.from([0x7b, 0xff, 0xfe, 0, 0x0a, 0xc3, 0xa9]);
  writeFileSync(file, bytes);
  writeFileSync(other, '');
  expect(
    await ask(asked(), asked({ paths: [other] }), asked({ paths: [`${file}.gone`] }), asked({ paths: [`${file}.gone`, file] })),
  ).toEqual([
    { there: 'file', from: 0, anew: false, head: head(bytes), data: bytes },
    { there: 'file', from: 0, anew: false, head: EMPTY, data: Buffer.alloc(0) },
    { there: 'absent' },
    { there: 'file', from: 0, anew: false, head: head(bytes), data: bytes },
  ]);
  appendFileSync(file, 'more');
  const [next] = await ask(asked({ offset: 7, head: head(bytes) }));
  expect(next).toMatchObject({ from: 7, anew: false, data: Buffer.from('more') });
});

test('a file that is shorter than before, or begins otherwise, is read from its beginning', async () => {
  writeFileSync(file, 'one\ntwo\n');
  const before = asked({ offset: 8, head: head('one\ntwo\n') });
  expect(await ask(before)).toMatchObject([{ from: 8, anew: false, data: Buffer.alloc(0) }]);
  truncateSync(file, 4);
  expect(await ask(before)).toMatchObject([{ from: 0, anew: true, head: head('one\n'), data: Buffer.from('one\n') }]);
  writeFileSync(file, 'six\ntwo\nten\n');
  expect(await ask(before)).toMatchObject([{ from: 0, anew: true, data: Buffer.from('six\ntwo\nten\n') }]);
});

test('one that was cut short behind its head is so, too', async () => {
  const bytes = Buffer.alloc(6000, 'x');
  writeFileSync(file, bytes);
  const [whole] = await ask(asked());
  if (whole?.there !== 'file') return expect.fail('it is not read');
  expect(whole.head.bytes).toBe(4096);
  truncateSync(file, 5000);
  expect(await ask(asked({ offset: 6000, head: whole.head }))).toMatchObject([
    { from: 0, anew: true, head: whole.head, data: bytes.subarray(0, 5000) },
  ]);
});

test('of more than a look may read the end is read', async () => {
  const bytes = Buffer.alloc(EVENTS_LIMIT + 5, 'x');
  writeFileSync(file, bytes);
  const [seen] = await ask(asked());
  expect(seen).toMatchObject({ from: 5, anew: false, head: head(bytes.subarray(0, 4096)) });
  expect(seen?.there === 'file' && seen.data.length).toBe(EVENTS_LIMIT);
});

test('what leads out of the repository and the workspace is not read, nor what is no file', async () => {
  const away = join(top, 'away');
  mkdirSync(away);
  writeFileSync(join(away, '.events.log'), 'secret\n');
  symlinkSync(join(away, '.events.log'), file);
  expect(await ask(asked())).toEqual([{ there: 'outside' }]);
  expect(await ask(asked({ within: [repo, away] }))).toMatchObject([{ there: 'file', data: Buffer.from('secret\n') }]);
  // One that begins as a folder it may be in is not in it.
  expect(await ask(asked({ within: [repo, join(top, 'aw')] }))).toEqual([{ there: 'outside' }]);
  expect(await ask(asked({ within: [join(top, 'no', 'where')] }))).toEqual([{ there: 'outside' }]);
  const pipe = join(repo, 'pipe');
  execFileSync('mkfifo', [pipe]);
  expect(await ask(asked({ paths: [pipe] }), asked({ paths: [repo] }))).toEqual([{ there: 'odd' }, { there: 'outside' }]);
});

test('an answer that is cut off anywhere is none', async () => {
  writeFileSync(file, 'one\n');
  const { command, read } = eventsLook([asked()]);
  const output = await transport.run(command, { timeoutMs: 30_000 });
  expect(read(output)).toHaveLength(1);
  for (let length = 0; length < output.stdout.length; length++)
    expect(() => readEventsSeen({ ...output, stdout: output.stdout.slice(0, length) }, 1)).toThrow(
      /the site’s answer cannot be used/,
    );
  expect(() => readEventsSeen(output, 2)).toThrow(/the site’s answer cannot be used/);
});
