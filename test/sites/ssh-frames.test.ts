import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Frames } from '../../src/sites/transports/ssh-frames.ts';
import { READY } from '../../src/sites/transports/ssh-remote.ts';

const WORD = `k${'0123456789abcdef'.repeat(2)}`;
const bytes = fc.uint8Array({ maxLength: 60 }).map((one) => Buffer.from(one));
/** Bytes, and text that looks like frames of another one. */
const noise = fc.oneof(
  bytes,
  fc
    .constantFrom(
      '\nk00 begin me\n',
      '\nk00 exit 0\n',
      'end 0\n',
      `${WORD.slice(0, -1)}0 exit 0\n`,
      `\n${WORD.slice(1)} exit 0\n`,
      READY,
    )
    .map((one) => Buffer.from(one)),
);
const spoken = fc.record({
  before: noise,
  greeting: noise,
  out: noise,
  err: noise,
  after: noise,
  exit: fc.integer({ min: 0, max: 120 }),
  cuts: fc.array(fc.nat({ max: 400 }), { maxLength: 6 }),
});

const streams = ({
  before,
  greeting,
  out,
  err,
  after,
  exit,
}: { [key in 'before' | 'greeting' | 'out' | 'err' | 'after']: Buffer } & { exit: number }) => ({
  first: Buffer.concat([before, Buffer.from(`${READY}\n`)]),
  stdout: Buffer.concat([Buffer.from(`\n${WORD} begin me\n`), out, Buffer.from(`\n${WORD} exit ${exit}\n`)]),
  stderr: Buffer.concat([greeting, Buffer.from(`\n${WORD} begin\n`), err, Buffer.from(`\n${WORD} end\n`)]),
  after,
});

function heard(parts: readonly ['stdout' | 'stderr', Buffer][], cuts: readonly number[]) {
  const said = { ready: 0, over: 0 };
  const frames = new Frames(WORD, { ready: () => said.ready++, over: () => said.over++ });
  const whole = { stdout: Buffer.alloc(0), stderr: Buffer.alloc(0) };
  for (const [from, text] of parts) {
    const at = [0, ...cuts.map((one) => one % (text.length + 1)).sort((a, b) => a - b), text.length];
    for (const [n, start] of at.slice(0, -1).entries()) {
      const chunk = text.subarray(start, at[n + 1]);
      whole[from] = Buffer.concat([whole[from], chunk]);
      frames.hear(from, chunk);
    }
  }
  return { said, read: frames.read(whole.stdout, whole.stderr) };
}

test('whatever is said around it and however it arrives, what stands between the frames is the answer', () => {
  fc.assert(
    fc.property(spoken, ({ cuts, ...one }) => {
      const { first, stdout, stderr, after } = streams(one);
      const { said, read } = heard(
        [
          ['stdout', first],
          ['stderr', stderr],
          ['stdout', Buffer.concat([stdout, after])],
        ],
        cuts,
      );
      expect(said).toEqual({ ready: 1, over: 1 });
      expect(read).toEqual({
        state: 'ended',
        account: 'me',
        exit: one.exit,
        signal: null,
        stdout: one.out.toString('utf8'),
        stderr: one.err.toString('utf8'),
      });
    }),
    { numRuns: 500 },
  );
});

test('an answer without its last byte is none, wherever it ends', () => {
  fc.assert(
    fc.property(spoken, fc.nat(), ({ cuts, ...one }, at) => {
      const { first, stdout, stderr } = streams(one);
      const { said, read } = heard(
        [
          ['stdout', first],
          ['stderr', stderr],
          ['stdout', stdout.subarray(0, at % stdout.length)],
        ],
        cuts,
      );
      expect([said.over, read.state]).toEqual([0, 'cut']);
    }),
    { numRuns: 500 },
  );
});

test('what comes before the far side is ready sends nothing', () => {
  fc.assert(
    fc.property(fc.array(noise, { maxLength: 8 }), (parts) => {
      fc.pre(!Buffer.concat(parts).includes(`${READY}\n`));
      const { said, read } = heard(
        parts.map((one) => ['stdout', one]),
        [],
      );
      expect([said, read]).toEqual([{ ready: 0, over: 0 }, { state: 'unsent' }]);
    }),
  );
});

test.each([
  [137, { exit: null, signal: 'SIGKILL' }],
  [143, { exit: null, signal: 'SIGTERM' }],
  [265, { exit: null, signal: 'SIGKILL' }],
  [128, { exit: 128, signal: null }],
  [127, { exit: 127, signal: null }],
  [255, { exit: 255, signal: null }],
])('the code %i of a shell', (code, end) => {
  const text = `${READY}\n\n${WORD} begin me\n\n${WORD} exit ${code}\n`;
  expect(heard([['stdout', Buffer.from(text)]], []).read).toMatchObject(end);
});
