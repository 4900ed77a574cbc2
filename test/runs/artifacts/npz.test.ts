import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readNpz } from '../../../src/runs/artifacts/npz.ts';
import { flawText } from '../../../src/runs/artifacts/unreadable.ts';
import { numpy, withoutNumpy } from '../../support/numpy.ts';
import { scratch } from '../samples.ts';

const top = scratch('npz');
afterAll(top.remove);

/** What is wrong with a file, or undefined where it can be read. */
async function flawOf(path: string): Promise<string | undefined> {
  try {
    await readNpz(path);
    return undefined;
  } catch (error) {
    return flawText(error);
  }
}

async function factsOf(name: string) {
  const { arrays } = await readNpz(join(top.path, name));
  return Object.fromEntries([...arrays].map(([key, { dtype, shape, numbers }]) => [key, { dtype, shape, ...numbers }]));
}

const exact = { whole: true, rounding: 0, nonFinite: { count: 0, first: null } };

describe.skipIf(withoutNumpy)(`archives of numpy${withoutNumpy ? ` (left out: ${withoutNumpy})` : ''}`, () => {
  beforeAll(() => {
    numpy(
      top.path,
      `
hist = np.arange(1, 81); edges = np.arange(81) / 2
np.savez(f'{folder}/plain.npz', histval=hist, binedges=edges)
np.savez_compressed(f'{folder}/packed.npz', histval=hist, binedges=edges)
np.savez(f'{folder}/other.npz', binedges=edges, histval=hist)
np.savez(f'{folder}/types.npz', big=hist.astype('>i8'), bigf=edges.astype('>f4'), half=np.array([0.5, 65504, -0.0, 6e-8, np.inf], '<f2'),
  flags=np.array([True, False, True]), wide=np.array([2**64 - 1, 2**64 - 1], '<u8'), low=np.array([-2**63, -2**63, 2**62], '<i8'),
  fortran=np.asfortranarray(np.arange(6.).reshape(2, 3)), none=np.zeros((0, 3)), one=np.float64(2.5), text=np.array(['ab', 'c']),
  when=np.array(['2026-01-01'], 'M8[D]'), pair=np.array([1 + 2j]), nan=np.array([1., np.nan, 3., -np.inf]))
np.savez(f'{folder}/objects.npz', a=np.array([{}, []], dtype=object))
np.savez(f'{folder}/fields.npz', a=np.zeros(2, dtype=[('x', '<i4'), ('y', '<f8')]))
for version in ((1, 0), (2, 0), (3, 0)):
  with zipfile.ZipFile(f'{folder}/v{version[0]}.npz', 'w') as z:
    with z.open('a.npy', 'w', force_zip64=True) as f: np.lib.format.write_array(f, hist, version=version)
with zipfile.ZipFile(f'{folder}/streamed.npz', 'w', zipfile.ZIP_DEFLATED) as z:
  with z.open('a.npy', 'w') as f: np.lib.format.write_array(f, np.arange(200000))
`,
    );
  });

  test('the same arrays, packed or not and in any order, are the same', async () => {
    const plain = {
      histval: { dtype: '<i8', shape: [80], ...exact, sum: 3240n, falls: null },
      binedges: { dtype: '<f8', shape: [81], ...exact, whole: false, rounding: 1620 * 2 ** -53, sum: 1620, falls: null },
    };
    expect(await factsOf('plain.npz')).toEqual(plain);
    expect(await factsOf('packed.npz')).toEqual(plain);
    const digests = await Promise.all(
      ['plain', 'packed', 'other'].map(async (name) => (await readNpz(join(top.path, `${name}.npz`))).digest),
    );
    expect(new Set(digests).size).toBe(1);
  });

  test('every type of number is read, and what holds none is said to', async () => {
    const odd = (count: number, first: number) => ({ nonFinite: { count, first }, whole: false });
    expect(await factsOf('types.npz')).toEqual({
      big: { dtype: '>i8', shape: [80], ...exact, sum: 3240n, falls: null },
      bigf: { dtype: '>f4', shape: [81], ...exact, whole: false, rounding: 1620 * 2 ** -24, sum: 1620, falls: null },
      half: {
        dtype: '<f2',
        shape: [5],
        ...odd(1, 4),
        rounding: (65504.5 + 2 ** -24) * 2 ** -11,
        sum: 65504.5 + 2 ** -24,
        falls: 2,
      },
      flags: { dtype: '|b1', shape: [3], ...exact, sum: 2n, falls: 1 },
      wide: { dtype: '<u8', shape: [2], ...exact, sum: 2n ** 65n - 2n, falls: 1 },
      low: { dtype: '<i8', shape: [3], ...exact, sum: -(2n ** 64n) + 2n ** 62n, falls: 1 },
      fortran: { dtype: '<f8', shape: [2, 3], ...exact, sum: 15, falls: 2 },
      none: { dtype: '<f8', shape: [0, 3], ...exact, sum: 0, falls: null },
      one: { dtype: '<f8', shape: [], ...exact, whole: false, rounding: 2.5 * 2 ** -53, sum: 2.5, falls: null },
      text: { dtype: '<U2', shape: [2] },
      when: { dtype: '<M8[D]', shape: [1] },
      pair: { dtype: '<c16', shape: [1] },
      nan: { dtype: '<f8', shape: [4], ...odd(2, 1), rounding: 4 * 2 ** -53, sum: 4, falls: 1 },
    });
  });

  test('every version of the format is read, with zip64 and with sizes that only the central directory has', async () => {
    for (const name of ['v1', 'v2', 'v3']) expect((await factsOf(`${name}.npz`)).a).toMatchObject({ dtype: '<i8', sum: 3240n });
    expect((await factsOf('streamed.npz')).a).toMatchObject({ shape: [200000], sum: 19999900000n });
  });

  test('objects and named fields are refused', async () => {
    expect(await flawOf(join(top.path, 'objects.npz'))).toBe(
      'has a.npy, which holds Python objects, which would have to be run to be read',
    );
    expect(await flawOf(join(top.path, 'fields.npz'))).toBe(
      'has a.npy, which has fields with names of their own; arrays of one type are read',
    );
  });

  test('an archive cut off at any byte is refused, and leaves no file open', async () => {
    const open = () => readdirSync('/proc/self/fd').length;
    const before = open();
    for (const name of ['v1.npz', 'packed.npz']) {
      const whole = readFileSync(join(top.path, name));
      for (let length = 0; length < whole.length; length++) {
        const path = join(top.path, 'cut.npz');
        writeFileSync(path, whole.subarray(0, length));
        expect(await flawOf(path), `${name} of ${length} bytes`).toBe('is no zip archive, or it is cut off');
      }
    }
    expect(open()).toBeLessThanOrEqual(before + 1);
  });

  test('an archive with any byte changed is refused or read, and never more', async () => {
    const whole = readFileSync(join(top.path, 'v1.npz'));
    const path = join(top.path, 'changed.npz');
    let refused = 0;
    for (let at = 0; at < whole.length; at++) {
      for (const value of [0, 255, (whole[at] ?? 0) ^ 1]) {
        const bytes = Buffer.from(whole);
        bytes[at] = value;
        writeFileSync(path, bytes);
        const flaw = await flawOf(path);
        if (flaw !== undefined) refused++;
        expect(flaw ?? '').not.toMatch(/internal|undefined|TypeError/);
      }
    }
    expect(refused).toBeGreaterThan(whole.length);
  });

  test('sums, shapes and what is finite are as numpy says', { timeout: 120_000 }, async () => {
    const types = ['i1', 'i2', 'i4', 'i8', 'u1', 'u2', 'u4', 'u8', 'f2', 'f4', 'f8'];
    const array = fc.record({
      type: fc.constantFrom(...types),
      order: fc.constantFrom('<', '>'),
      shape: fc.array(fc.nat(7), { maxLength: 3 }),
      fortran: fc.boolean(),
      odd: fc.nat(3),
      seed: fc.nat(2 ** 31),
    });
    let round = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(array, { minLength: 1, maxLength: 40 }), async (arrays) => {
        const folder = join(top.path, `round${round++}`);
        mkdirSync(folder);
        const told = numpy(
          folder,
          `
out, arrays = [], {}
for n, one in enumerate(json.loads(stdin)):
  random = np.random.default_rng(one['seed'])
  kind = one['type'][0]
  if kind == 'f':
    made = (random.standard_normal(one['shape']) * 100).astype(one['type'])
    flat = made.reshape(-1) if made.ndim else made.reshape(1)
    for at in range(min(one['odd'], flat.size)): flat[random.integers(flat.size)] = [np.nan, np.inf, -np.inf][at]
  else:
    bounds = np.iinfo(one['type'])
    made = random.integers(bounds.min, bounds.max, one['shape'], dtype=one['type'], endpoint=True)
  made = np.array(made).astype(one['order'] + one['type'])
  if one['fortran']: made = np.asfortranarray(made)
  arrays[f'a{n}'] = made
  finite = np.isfinite(made)
  total = sum(int(v) for v in made.reshape(-1)) if kind != 'f' else float(np.sum(made[finite], dtype='f8'))
  magnitude = 0.0 if kind != 'f' else float(np.sum(np.abs(made[finite]), dtype='f8'))
  order = made.reshape(-1, order='F' if made.flags.f_contiguous and not made.flags.c_contiguous else 'C')
  falls = [i + 1 for i in range(order.size - 1) if not order[i + 1] > order[i]]
  out.append(dict(dtype=made.dtype.str, shape=list(made.shape), odd=int(made.size - finite.sum()), sum=str(total), magnitude=magnitude,
    falls=falls[0] if falls else None))
np.savez_compressed(f'{folder}/a.npz', **arrays)
print(json.dumps(out))
`,
          JSON.stringify(arrays),
        );
        const found = (await readNpz(join(folder, 'a.npz'))).arrays;
        for (const [n, want] of (JSON.parse(told) as Told[]).entries()) {
          const { dtype, shape, numbers } = found.get(`a${n}`) ?? {};
          expect({ dtype, shape, odd: numbers?.nonFinite.count, falls: numbers?.falls }).toEqual({
            dtype: want.dtype,
            shape: want.shape,
            odd: want.odd,
            falls: want.falls,
          });
          if (typeof numbers?.sum === 'bigint') expect(String(numbers.sum)).toBe(want.sum);
          else expect(Math.abs((numbers?.sum ?? Number.NaN) - Number(want.sum))).toBeLessThanOrEqual(1e-13 * want.magnitude);
        }
      }),
      { numRuns: 12 },
    );
  });
});

type Told = { dtype: string; shape: number[]; odd: number; sum: string; magnitude: number; falls: number | null };
