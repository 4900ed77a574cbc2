import { expect, test } from 'vitest';
import { openScreen } from '../../../src/cli/watch/screen.ts';
import { shownBy } from './terminal.ts';

function written() {
  const writes: string[] = [];
  const screen = openScreen((text) => writes.push(text.replaceAll('\n', '\r\n')));
  return { screen, writes, shown: () => shownBy(`$ watch\r\n${writes.join('')}`, 20) };
}

test('it is drawn in its place, with what is new above it, in one write each', () => {
  const { screen, writes, shown } = written();
  screen.draw(['run 1/3', 'next look in 2s']);
  screen.draw(['run 2/3', 'next look in 1s'], ['run has moved', 'a line that is longer than the terminal']);
  screen.draw(['run 2/3', 'next look in 0s']);
  expect(shown()).toEqual({
    lines: ['$ watch', 'run has moved', 'a line that is longe', 'r than the terminal', 'run 2/3', 'next look in 0s', ''],
    row: 6,
    wraps: true,
    unknown: [],
  });
  expect(writes).toHaveLength(3);
  screen.draw(['run 2/3', 'next look in 0s']);
  expect(writes).toHaveLength(3);
});

test('fewer lines leave nothing behind, and closing takes it away', () => {
  const { screen, shown } = written();
  screen.draw(['one', 'two', 'three']);
  screen.draw(['one']);
  expect(shown().lines).toEqual(['$ watch', 'one', '']);
  screen.close();
  expect(shown()).toEqual({ lines: ['$ watch', ''], row: 1, wraps: true, unknown: [] });
});

test('a line that a terminal takes for wider than it is stays one line', () => {
  const { screen, shown } = written();
  screen.draw(['x'.repeat(30), 'next']);
  screen.draw(['y'.repeat(30), 'next']);
  const { lines } = shown();
  expect([lines.length, lines[2]]).toEqual([4, 'next']);
});

test('after something else was written it begins anew under that', () => {
  const { screen, writes, shown } = written();
  screen.draw(['before']);
  writes.push('[1]+ Stopped\r\n');
  screen.forget();
  screen.draw(['after']);
  expect(shown().lines).toEqual(['$ watch', 'before', '[1]+ Stopped', 'after', '']);
});
