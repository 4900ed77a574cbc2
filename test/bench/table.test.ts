import { describe, expect, it } from 'vitest';
import { cells, page, tableText } from '../../bench/report.mjs';
import type { Row } from '../../bench/stats.mjs';
import { interleave, judge, quantile, spread } from '../../bench/stats.mjs';

const row: Row = {
  group: 'Group',
  what: 'ours | theirs',
  unit: 'ms',
  ours: [30, 10, 20],
  against: { name: 'raw', values: [8, 12, 10, 10] },
  compare: 'ratio',
  budget: { of: 'ratio', most: 2 },
  because: 'it is slow.',
};

describe('spread', () => {
  it('is the median and the quartiles, whatever the order', () => {
    expect(spread([4, 1, 3, 2])).toEqual({ n: 4, median: 2.5, low: 1.75, high: 3.25 });
    expect(spread([7])).toEqual({ n: 1, median: 7, low: 7, high: 7 });
    expect(quantile([], 0.5)).toBeNaN();
  });
});

describe('judge', () => {
  it('compares medians, and a budget holds up to its limit', () => {
    expect(judge(row)).toEqual({
      ours: { n: 3, median: 20, low: 15, high: 25 },
      base: { n: 4, median: 10, low: 9.5, high: 10.5 },
      ratio: 2,
      difference: 10,
      verdict: 'holds',
    });
  });

  it('knows budgets of ratio, difference and value, and rows without one', () => {
    const verdict = (budget: NonNullable<Row['budget']>) => judge({ ...row, budget }).verdict;
    expect([
      verdict({ of: 'ratio', most: 1.99 }),
      verdict({ of: 'difference', most: 10 }),
      verdict({ of: 'difference', most: 9 }),
      verdict({ of: 'value', most: 20 }),
      verdict({ of: 'value', most: 19 }),
    ]).toEqual(['missed', 'holds', 'missed', 'holds', 'missed']);
    const { budget: _, ...plain } = row;
    expect(judge(plain).verdict).toBe(null);
  });

  it('says missed where a budget has nothing to be compared with', () => {
    const { against: _, ...alone } = row;
    expect(judge(alone)).toEqual({
      ours: { n: 3, median: 20, low: 15, high: 25 },
      base: null,
      ratio: null,
      difference: null,
      verdict: 'missed',
    });
  });
});

describe('the table', () => {
  it('has a row in words', () => {
    expect(cells(row)).toEqual([
      'ours | theirs',
      '20.0 ms (15.0–25.0), n 3',
      'raw',
      '10.0 ms (9.50–10.5), n 4',
      '× 2.00',
      '≤ × 2',
      'holds',
    ]);
    expect(cells({ ...row, ours: [2000], compare: 'difference', budget: { of: 'difference', most: 40 } })).toEqual([
      'ours | theirs',
      '2,000 ms (2,000–2,000), n 1',
      'raw',
      '10.0 ms (9.50–10.5), n 4',
      '+1,990 ms',
      '≤ +40 ms',
      'missed',
    ]);
  });

  it('is aligned under one heading a group', () => {
    const { against: _, budget: __, ...alone } = row;
    expect(tableText([alone, { ...alone, group: 'Other' }]).split('\n')).toEqual([
      'what           measured                  against  measured  compared  budget',
      '── Group',
      'ours | theirs  20.0 ms (15.0–25.0), n 3',
      '── Other',
      'ours | theirs  20.0 ms (15.0–25.0), n 3',
    ]);
  });

  it('becomes a page that counts the budgets and says why one is missed', () => {
    const text = page(
      [row, { ...row, what: 'second', budget: { of: 'ratio', most: 1 }, remark: 'A remark.' }],
      [['When', 'once']],
    );
    expect(text.split('\n\n').filter((part) => !part.startsWith('Written by'))).toEqual([
      '# Performance',
      '- When: once',
      '1 of 2 budgets hold on this run.',
      '## Group',
      [
        '| what | measured | against | measured | compared | budget |  |',
        '|---|---|---|---|---|---|---|',
        '| ours \\| theirs | 20.0 ms (15.0–25.0), n 3 | raw | 10.0 ms (9.50–10.5), n 4 | × 2.00 | ≤ × 2 | holds |',
        '| second | 20.0 ms (15.0–25.0), n 3 | raw | 10.0 ms (9.50–10.5), n 4 | × 2.00 | ≤ × 1 | missed |',
      ].join('\n'),
      'A remark.',
      '## Budgets that were missed',
      '- **second**: it is slow.\n',
    ]);
  });
});

describe('interleave', () => {
  it('begins every round with another side and forgets the warm-up', async () => {
    const order: string[] = [];
    const side = (name: string) => () => {
      order.push(name);
      return order.length;
    };
    expect(await interleave(2, { a: side('a'), b: side('b') }, 1)).toEqual({ a: [4, 5], b: [3, 6] });
    expect(order).toEqual(['a', 'b', 'b', 'a', 'a', 'b']);
  });
});
