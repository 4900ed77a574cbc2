import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { TASK_STATES } from '../../../src/runs/types.ts';
import { shareChart, stripChart, ticksOver } from '../../../src/tools/report/charts.ts';
import { seriesOf } from '../../../src/tools/report/results.ts';
import { MOST_CELLS, taskGrid } from '../../../src/tools/report/task-grid.ts';
import { balanced } from './markup.ts';

const series = (...values: number[]) =>
  seriesOf(
    'one',
    'result',
    values.map((value, at) => ({ of: String(at), value })),
  );

describe('the strip chart', () => {
  test('has a dot a value, a line at the mean, a band of one deviation to both sides, and says so in words', () => {
    expect(stripChart('A title', 'accuracy', [series(1, 2, 3)])).toBe(
      '<svg viewBox="0 0 640 82" role="img"><title>A title</title><desc>one: mean 2, standard deviation 1, n 3</desc>' +
        '<path class="l" d="M210 10V40"/><text x="210" y="56" class="s m">1</text><path class="l" d="M312.5 10V40"/><text x="312.5" y="56" class="s m">1.5</text>' +
        '<path class="l" d="M415 10V40"/><text x="415" y="56" class="s m">2</text><path class="l" d="M517.5 10V40"/><text x="517.5" y="56" class="s m">2.5</text>' +
        '<path class="l" d="M620 10V40"/><text x="620" y="56" class="s m">3</text><text x="200" y="29" class="e">one</text>' +
        '<rect class="b" x="210" y="15" width="410" height="20"/><circle class="d" cx="210" cy="25" r="4"/><circle class="d" cx="415" cy="25" r="4"/>' +
        '<circle class="d" cx="620" cy="25" r="4"/><path class="k" d="M415 15v20"/><text x="415" y="76" class="s m">accuracy</text></svg>',
    );
  });
  test('of one value has no band, and says that its deviation is unknown', () => {
    const svg = stripChart('t', 'a', [series(5)]);
    expect(svg).toContain('one: mean 5, standard deviation unknown, n 1');
    expect(svg).not.toContain('class="b"');
  });
  test('of nothing is nothing', () => expect(stripChart('t', 'a', [series()])).toBe(''));
  test('tells one tick from the next where values differ late', () => {
    const marks = [...stripChart('t', 'a', [series(182058591.165, 182058591.166)]).matchAll(/class="s m">([\d.]+)</g)].map(
      String,
    );
    expect(marks.length).toBeGreaterThan(3);
    expect(new Set(marks).size).toBe(marks.length);
  });
  test('of any numbers has finite places only, within its frame', () => {
    const double = fc.double({ noNaN: true, noDefaultInfinity: true });
    fc.assert(
      fc.property(fc.array(fc.array(double, { maxLength: 6 }), { maxLength: 4 }), (all) => {
        const svg = stripChart(
          't',
          'a',
          all.map((values) => series(...values)),
        );
        expect(svg).not.toMatch(/(?:x|y|cx|width|d)="[^"]*(?:NaN|Infinity|undefined)/);
        for (const [, at] of svg.matchAll(/cx="([^"]+)"/g)) expect(Number(at) >= 209 && Number(at) <= 621, `${at}`).toBe(true);
      }),
    );
  });
  test('ticks are few, and the values are between them', () => {
    fc.assert(
      fc.property(
        fc.double({ noNaN: true, min: -1e9, max: 1e9 }),
        fc.double({ noNaN: true, min: 1e-3, max: 1e9 }),
        (low, span) => {
          const ticks = ticksOver(low, low + span);
          expect(ticks.length).toBeLessThan(22);
          const slack = span * 1e-6 + Math.abs(low) * 1e-14;
          expect((ticks[0] ?? Number.NaN) <= low + slack && (ticks.at(-1) ?? Number.NaN) >= low + span - slack).toBe(true);
        },
      ),
    );
  });
});

describe('the chart of shares', () => {
  test('fills what was used of what was asked, and marks what is over it', () => {
    const svg = shareChart('t', [
      { name: 'time', used: 50, asked: 200, words: '50 of 200' },
      { name: 'memory', used: 400, asked: 200, words: '400 of 200' },
    ]);
    expect(svg).toContain('<desc>time: 50 of 200; memory: 400 of 200</desc>');
    expect([...svg.matchAll(/class="(d|over|o)" x="([\d.]+)" y="\d+" width="([\d.]+)"/g)].map((one) => one.slice(1))).toEqual([
      ['d', '210', '40'],
      ['o', '210', '160'],
      ['d', '210', '160'],
      ['over', '370', '160'],
      ['o', '210', '160'],
    ]);
    expect(svg).toContain('>25 %<');
    expect(svg).toContain('>200 %<');
  });
  test('leaves out what nobody asked for', () =>
    expect(shareChart('t', [{ name: 'memory', used: 5, asked: 0, words: '' }])).toBe(''));
});

describe('the grid of tasks', () => {
  const states = (...all: (typeof TASK_STATES)[number][]) => all.map((state, index) => ({ index, state }));
  test('has one path a state, each with its own shape, and names the indices in words', () => {
    const svg = taskGrid('t', states('succeeded', 'failed', 'succeeded', 'held', 'pending'));
    expect(svg).toContain('<desc>succeeded 2: 0,2; failed 1: 1; waiting 2: 3-4</desc>');
    expect(svg).toContain('<path class="succeeded" fill-rule="evenodd" d="M60 4h13v13h-13zM94 4h13v13h-13z">');
  });
  test('no two states look alike, be the colours what they may', () => {
    const shapes = TASK_STATES.map((state) => /d="M60 4([^"]+)"/.exec(taskGrid('t', states(state)))?.[1]);
    // What waits looks alike, whatever it waits for.
    expect(new Set(shapes).size).toBe(TASK_STATES.length - 2);
  });
  test('of 512 tasks is small, by index whatever their order, and each is there once', () => {
    const tasks = Array.from({ length: 512 }, (_, at) => ({ index: 511 - at, state: 'succeeded' as const }));
    const svg = taskGrid('t', tasks);
    expect(svg.length).toBeLessThan(16_000);
    expect(svg).toContain('succeeded 512: 0-511');
    expect(new Set([...svg.matchAll(/M\d+ \d+(?=h13v13h-13z)/g)].map(String)).size).toBe(513);
    balanced(svg);
  });
  test('of more than can be seen is cut, and its words count all', () => {
    const svg = taskGrid(
      't',
      Array.from({ length: 5000 }, (_, index) => ({ index, state: 'running' as const })),
    );
    expect(svg).toContain('running 5000: 0-4999');
    expect([...svg.matchAll(/M\d+ \d+m6.5/g)].length).toBe(MOST_CELLS + 1);
  });
});
