import { mkdirSync, realpathSync, symlinkSync, writeFileSync } from 'node:fs';
import { join, sep } from 'node:path';
import { execa } from 'execa';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { inside, readText } from '../../src/base/files.ts';
import { RUN_ID } from '../../src/base/ids.ts';
import { failureOf } from '../runs/failing.ts';
import { scratch } from '../runs/samples.ts';
import { PIECES } from './hostile-text.ts';
import { noteTrials } from './reader.ts';

const top = scratch('hostile-paths');
afterAll(top.remove);
const root = join(top.path, 'root');
const outside = join(top.path, 'outside');

beforeAll(() => {
  mkdirSync(join(root, 'a', 'b'), { recursive: true });
  mkdirSync(outside);
  writeFileSync(join(root, 'a', 'file'), 'x');
  symlinkSync(outside, join(root, 'out'));
  symlinkSync('../..', join(root, 'a', 'up'));
  symlinkSync('a', join(root, 'in'));
  symlinkSync(join(outside, 'not-yet'), join(root, 'later'));
  symlinkSync('later', join(root, 'chain'));
  symlinkSync('circle', join(root, 'circle'));
});

const RUNS = 10_000;
const part = fc.oneof(
  fc.constantFrom('a', 'b', 'file', 'out', 'up', 'in', 'later', 'chain', 'circle', '..', '.', '', 'root', 'outside'),
  fc.constantFrom(...PIECES),
  fc.constant('x'.repeat(300)),
);

test('whatever is named, what is found lies within the root, links that lead to nothing included', () => {
  let refused = 0;
  fc.assert(
    fc.property(fc.array(part, { maxLength: 7 }), fc.boolean(), (parts, absolute) => {
      const path = (absolute ? `${root}/` : '') + parts.join('/');
      let found: string;
      try {
        found = inside(root, path);
      } catch (error) {
        refused++;
        expect(
          failureOf(() => {
            throw error;
          }).code,
        ).toBe('path_outside');
        return;
      }
      expect(`${found}${sep}`.startsWith(`${root}${sep}`)).toBe(true);
      // As the system itself finds it, where it is there.
      expect(whereIs(found).startsWith(outside)).toBe(false);
    }),
    { numRuns: RUNS },
  );
  noteTrials('inside', RUNS, `${refused} refused`);
});

test.each(['later', 'chain', 'later/x', 'chain/x/y', 'out/x', 'a/up/x'])('%s leads outside', (path) => {
  expect(failureOf(() => inside(root, path)).code).toBe('path_outside');
});

test('ids are no paths', () => {
  fc.assert(
    fc.property(fc.array(part, { maxLength: 5 }), (parts) => {
      const id = parts.join('');
      if (RUN_ID.test(id)) expect(join(root, id)).toBe(`${root}/${id}`);
    }),
    { numRuns: RUNS },
  );
  noteTrials('run id', RUNS, 'no path');
});

test('a pipe, a device and a folder in the place of a file are refused, not waited for and not read without end', async () => {
  await execa('mkfifo', [join(root, 'pipe')]);
  symlinkSync('/dev/zero', join(root, 'zero'));
  for (const name of ['pipe', 'zero', 'a'])
    expect(failureOf(() => readText(join(root, name)))).toMatchObject({
      code: 'file_unreadable',
      why: expect.stringContaining('a file belongs there'),
    });
});

function whereIs(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    return '';
  }
}
