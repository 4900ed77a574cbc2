import { mkdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { checkExpectations } from '../../../src/runs/artifacts/check.ts';
import { readNpz } from '../../../src/runs/artifacts/npz.ts';
import type { Run } from '../../../src/runs/run.ts';
import { numpy, withoutNumpy } from '../../support/numpy.ts';
import { scratch } from '../samples.ts';
import { expecting, missingOf } from './expecting.ts';

const top = scratch('arrays');
afterAll(top.remove);
let at = 0;

const HISTOGRAM = `- npz: hist/*_hist_RG1.npz
  keys: [histval, binedges, bincenters]
  dtype: { histval: "<i8", binedges: "<f8" }
  shape: { histval: [b], binedges: [b+1], bincenters: [b] }
  edges_of: { histval: binedges }
  finite: [histval, binedges, bincenters]
  monotonic: [binedges]
  sum: { histval: 3200 }`;

/** A run with the histograms of one step, as the aggregation writes them; `spoil` is Python that changes `h`, `e`, `c` of the one of z. */
function histograms(spoil = '', expect = HISTOGRAM): Run {
  const run = expecting(join(top.path, String(++at)), expect);
  mkdirSync(join(run.folder, 'hist'));
  numpy(
    join(run.folder, 'hist'),
    `
random = np.random.default_rng(1)
for name in ('t', 'z', 'input_t'):
  h, e = np.histogram(random.random(3200), bins=80, range=(0, 1)); c = (e[1:] + e[:-1]) / 2
  if name == 'z':
    ${spoil || 'pass'}
  np.savez_compressed(f'{folder}/{name}_hist_RG1.npz', **{k: v for k, v in dict(histval=h, binedges=e, bincenters=c).items() if v is not None})
`,
  );
  return run;
}
const Z = 'hist/z_hist_RG1.npz';

describe.skipIf(withoutNumpy)(`C2-13: what histograms must be${withoutNumpy ? ` (left out: ${withoutNumpy})` : ''}`, () => {
  test('good: three histograms of all samples', async () => {
    expect(await checkExpectations(histograms())).toEqual({ checked: 3, missing: [] });
  });

  test.each([
    ['37 of 3200', 'h[:] = 0; h[0] = 37', ['sum: histval is 37; expected 3200']],
    ['one sample lost', 'h[40] -= 1', ['sum: histval is 3199; expected 3200']],
    ['no bincenters', 'c = None', ['keys: no bincenters; it has histval, binedges']],
    ['another type', 'h = h / 2 + h[::-1] / 2', ['dtype: histval is <f8; expected <i8']],
    [
      'as many edges as bins',
      'e = e[:-1]',
      [
        'shape: binedges is [80]; expected [b+1] with b = 80',
        'edges_of: binedges is [80] and histval [80]; expected one edge more than bins',
      ],
    ],
    [
      'another number of bins',
      'h = h.reshape(40, 2).sum(axis=1)',
      [
        'shape: binedges is [81]; expected [b+1] with b = 40',
        'shape: bincenters is [80]; expected [b] with b = 40',
        'edges_of: binedges is [81] and histval [40]; expected one edge more than bins',
      ],
    ],
    [
      'edges that do not rise',
      'e[7] = e[6]',
      ['monotonic: binedges does not rise at 7; expected each element larger than the one before'],
    ],
    [
      'an edge that is not a number',
      'e[7] = np.nan',
      [
        'finite: binedges has 1 elements that are NaN or infinite, the first at 7; expected none',
        'monotonic: binedges does not rise at 7; expected each element larger than the one before',
      ],
    ],
    ['text', 'c = c.astype(str)', ['finite: bincenters is <U32; expected whole or floating numbers']],
  ])('bad: %s', async (_what, spoil, faults) => {
    expect(await missingOf(histograms(spoil))).toEqual(faults.map((fault) => `${Z}: ${fault}`));
  });

  test('bad: cut off anywhere, another kind of file, no file', async () => {
    const run = histograms();
    const size = readFileSync(join(run.folder, Z)).length;
    for (const length of [size - 1, size - 22, size / 2, 30, 4, 1]) {
      truncateSync(join(run.folder, Z), Math.floor(length));
      expect(await missingOf(run)).toEqual([`${Z} is no zip archive, or it is cut off`]);
    }
    truncateSync(join(run.folder, Z), 0);
    expect(await missingOf(run)).toEqual([`${Z} is empty`]);
    expect(await missingOf(expecting(join(top.path, String(++at)), HISTOGRAM))).toEqual([
      'hist/*_hist_RG1.npz: no file matches it',
    ]);
  });

  test('sums of floating numbers: to the unit where all are whole, else as exact as the type', async () => {
    const sums = (sum: string) =>
      HISTOGRAM.replace('sum: { histval: 3200 }', `sum: { histval: ${sum} }`).replace('histval: "<i8", ', '');
    const half = 'h = h / 2 + h[::-1] / 2';
    expect(await missingOf(histograms(half, sums('3200')))).toEqual([]);
    expect(await missingOf(histograms(half, sums('3200.00000000001')))).toHaveLength(3);
    const single = "h = (h / np.float32(3200)).astype('f4')";
    expect((await missingOf(histograms(single, sums('1')))).filter((one) => one.startsWith(Z))).toEqual([]);
    expect((await missingOf(histograms('h = h * 1e9', sums('3200000000001')))).filter((one) => one.startsWith(Z))).toEqual([
      `${Z}: sum: histval is 3200000000000; expected 3200000000001`,
    ]);
    expect(await missingOf(histograms('', sums('{ at_least: 3000, at_most: 3200 }')))).toEqual([]);
    expect(await missingOf(histograms('', sums('{ at_least: 3201 }')))).toContain(
      `${Z}: sum: histval is 3200; expected at least 3201`,
    );
  });

  test('an array larger than memory should hold is read in pieces', async () => {
    numpy(top.path, `np.savez_compressed(f'{folder}/large.npz', a=np.ones(1 << 25))`);
    const before = process.memoryUsage().rss;
    let most = 0;
    const watching = setInterval(() => {
      most = Math.max(most, process.memoryUsage().rss);
    }, 20);
    const { arrays } = await readNpz(join(top.path, 'large.npz'));
    clearInterval(watching);
    expect(arrays.get('a')?.numbers?.sum).toBe(2 ** 25);
    expect(most).toBeGreaterThan(0);
    expect(most - before).toBeLessThan(128 * 1024 ** 2);
  });
});

describe.skipIf(withoutNumpy)(`C2-14: batches must differ${withoutNumpy ? ` (left out: ${withoutNumpy})` : ''}`, () => {
  const LAUNDERED = '- { files: "laundered/t_laundered_RG0_batch_*.npy", count: 32, distinct: true }';

  function laundered(seed: string, expect = LAUNDERED, save = `np.save(f'{folder}/t_laundered_RG0_batch_{i}.npy', a)`): Run {
    const run = expecting(join(top.path, String(++at)), expect, 32);
    mkdirSync(join(run.folder, 'laundered'));
    numpy(join(run.folder, 'laundered'), `for i in range(32):\n  a = np.random.default_rng(${seed}).random(100)\n  ${save}`);
    return run;
  }

  test('good: 32 files of seeds of their own', async () => {
    expect(await checkExpectations(laundered('i'))).toEqual({ checked: 32, missing: [] });
  });

  test('bad: 32 files of one seed', async () => {
    expect(await missingOf(laundered('890'))).toEqual([
      'laundered/t_laundered_RG0_batch_*.npy: distinct: 32 of 32 have the same content (laundered/t_laundered_RG0_batch_0.npy, laundered/t_laundered_RG0_batch_1.npy, laundered/t_laundered_RG0_batch_10.npy and 29 more); expected all to differ',
    ]);
  });

  test('bad: two of 32 alike, and one short', async () => {
    const run = laundered('i');
    const file = (index: number) => join(run.folder, `laundered/t_laundered_RG0_batch_${index}.npy`);
    writeFileSync(file(31), readFileSync(file(4)));
    expect(await missingOf(run)).toEqual([
      'laundered/t_laundered_RG0_batch_*.npy: distinct: 2 of 32 have the same content (laundered/t_laundered_RG0_batch_31.npy, laundered/t_laundered_RG0_batch_4.npy); expected all to differ',
    ]);
    rmSync(file(31));
    expect(await missingOf(run)).toEqual(['laundered/t_laundered_RG0_batch_*.npy: count: 31; expected 32']);
  });

  test('arrays in files of their own have the key arr_0', async () => {
    const rules =
      '- { npz: "laundered/*.npy", shape: { arr_0: [100] }, dtype: { arr_0: "<f8" }, finite: [arr_0], distinct: true }';
    const run = laundered('i', rules);
    expect(await checkExpectations(run)).toEqual({ checked: 32, missing: [] });
    truncateSync(join(run.folder, 'laundered/t_laundered_RG0_batch_7.npy'), 500);
    numpy(run.folder, `np.save(f'{folder}/laundered/t_laundered_RG0_batch_8.npy', np.full(99, np.nan))`);
    expect(await missingOf(run)).toEqual([
      'laundered/t_laundered_RG0_batch_7.npy is cut off: 372 bytes of 800 are there',
      'laundered/t_laundered_RG0_batch_8.npy: shape: arr_0 is [99]; expected [100]',
      'laundered/t_laundered_RG0_batch_8.npy: finite: arr_0 has 99 elements that are NaN or infinite, the first at 0; expected none',
    ]);
  });

  test('the same arrays packed otherwise are the same', async () => {
    const save = "(np.savez if i % 2 else np.savez_compressed)(f'{folder}/b_{i}.npz', x=a)";
    const expect_ = '- { npz: "laundered/b_{index}.npz", distinct: true }';
    expect(await missingOf(laundered('i // 2', expect_, save))).toHaveLength(10);
    expect(await missingOf(laundered('i', expect_, save))).toEqual([]);
  });
});
