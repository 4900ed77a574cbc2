import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { execaSync } from 'execa';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readNpz } from '../../../src/runs/artifacts/npz.ts';
import { pythonLiteral } from '../../../src/runs/artifacts/python-literal.ts';
import { flawText } from '../../../src/runs/artifacts/unreadable.ts';
import { MAX_BYTES } from '../../../src/runs/artifacts/zip.ts';
import { numpy, withoutNumpy } from '../../support/numpy.ts';
import { scratch } from '../samples.ts';

const top = scratch('hostile');
afterAll(top.remove);

async function flawOf(name: string): Promise<string> {
  try {
    await readNpz(join(top.path, name));
    return 'none';
  } catch (error) {
    return flawText(error);
  }
}

describe.skipIf(withoutNumpy)(`archives that mean harm${withoutNumpy ? ` (left out: ${withoutNumpy})` : ''}`, () => {
  beforeAll(() => {
    numpy(
      top.path,
      String.raw`
import warnings; warnings.simplefilter('ignore')
def npy(array, **more):
  held = io.BytesIO(); np.lib.format.write_array(held, array, **more); return held.getvalue()
data = npy(np.arange(50))
def pack(name, members, method=zipfile.ZIP_STORED):
  held = io.BytesIO()
  with zipfile.ZipFile(held, 'w', method) as z:
    for key, content in members: z.writestr(zipfile.ZipInfo(key), content, method)
  return bytearray(held.getvalue())
def save(name, content): open(f'{folder}/{name}', 'wb').write(content)
# patched(archive, mark, offset, format, value): a field of the first record with that signature
def patched(archive, mark, offset, form, value, nth=0):
  at = -1
  for _ in range(nth + 1): at = archive.index(mark, at + 1)
  struct.pack_into(form, archive, at + offset, value); return archive
LOCAL, CENTRAL, END = b'PK\x03\x04', b'PK\x01\x02', b'PK\x05\x06'
one = lambda: pack('', [('a.npy', data)]); two = lambda: pack('', [('a.npy', data), ('b.npy', data)])
zipped = lambda: pack('', [('a.npy', npy(np.zeros(1 << 19)))], zipfile.ZIP_DEFLATED)
save('good.npz', two())
save('above.npz', pack('', [('../a.npy', data)]))
save('root.npz', pack('', [('/etc/a.npy', data)]))
save('backslash.npz', pack('', [('..\\a.npy', data)]))
save('twice.npz', pack('', [('a.npy', data), ('a.npy', data)]))
save('encrypted.npz', patched(patched(pack('', [('a.npy', data)], zipfile.ZIP_DEFLATED), LOCAL, 6, '<H', 1), CENTRAL, 8, '<H', 1))
save('strong.npz', patched(one(), CENTRAL, 8, '<H', 0x41))
save('crc.npz', patched(one(), CENTRAL, 16, '<I', 1))
save('bytes.npz', one().replace(data[-8:], b'\xff' * 8))
save('bzip2.npz', pack('', [('a.npy', data)], zipfile.ZIP_BZIP2))
save('overlap.npz', patched(two(), CENTRAL, 42, '<I', 0, 1))
save('names.npz', one().replace(b'a.npy', b'z.npy', 1))
save('bomb.npz', patched(zipped(), CENTRAL, 24, '<I', 1000))
save('short.npz', patched(zipped(), CENTRAL, 24, '<I', 1 << 23))
save('many.npz', pack('', [(f'{n}.npy', b'') for n in range(5000)]))
huge = pack('', [(f'{n}.npy', b'x') for n in range(5)], zipfile.ZIP_DEFLATED)
for n in range(5): patched(huge, CENTRAL, 24, '<I', 0xfffffffe, n)
save('huge.npz', huge)
# A zip64 end record that lies where no file has bytes, and one that puts the directory there.
end = one(); at = end.index(END)
save('far.npz', end[:at] + b'PK\x06\x07' + struct.pack('<IQI', 0, 2**63, 1) + end[at:])
record = b'PK\x06\x06' + struct.pack('<QHHIIQQQQ', 44, 45, 45, 0, 0, 1, 1, 51, 2**62)
save('far-directory.npz', end[:at] + record + b'PK\x06\x07' + struct.pack('<IQI', 0, at, 1) + end[at:])
extra = struct.pack('<HHQ', 1, 8, 2**60)
held = zipfile.ZipInfo('a.npy'); held.extra = extra
z = io.BytesIO()
with zipfile.ZipFile(z, 'w') as f: f.writestr(held, data)
save('far-member.npz', patched(bytearray(z.getvalue()), CENTRAL, 42, '<I', 0xffffffff))
save('notes.npz', pack('', [('a' * 5000, b'')]))
save('nothing.npz', pack('', []))
save('text.npz', pack('', [('a.txt', b'hello'), ('a.npy', data)]))
for name, content in {
  'no-array': b'hello, this is no array', 'empty': b'', 'type': data.replace(b"'<i8'", b"'<?8'"), 'cut': data[:-1], 'long': data + b'x', 'header': data[:40], 'version': data[:6] + b'\x09' + data[7:],
  'header-long': data[:6] + b'\x02\x00' + struct.pack('<I', 2**31) + data[12:],
  'code': data.replace(b"'<i8'", b"f(1) "), 'shape': data.replace(b'(50,)', b'(-1,)'), 'infinite': npy(np.zeros((0, 2)))
    .replace(b"(0, 2), }       ", b"(999999999, 999999999,)}"), 'text-item': npy(np.array([b'abc'])).replace(b"'|S3', 'fortran_order': False, 'shape': (1,), }" + b' ' * 9, b"'|S999999999', 'fortran_order': False, 'shape': (1,), }" + b' '),
  'long-double': npy(np.zeros(2, np.longdouble)),
}.items(): save(f'{name}.npz', pack('', [('a.npy', content)]))
`,
    );
  });

  test.each([
    ['good', 'none'],
    ['text', 'none'],
    ['nothing', 'none'],
    ['long-double', 'none'],
    ['above', 'has a member whose name leads elsewhere (../a.npy)'],
    ['root', 'has a member whose name leads elsewhere (/etc/a.npy)'],
    ['backslash', 'has a member whose name leads elsewhere (..\\a.npy)'],
    ['twice', 'has a.npy twice'],
    ['encrypted', 'is encrypted (a.npy)'],
    ['strong', 'is encrypted'],
    ['crc', 'has a.npy, which is damaged: the checksum of a.npy does not fit its bytes'],
    ['bytes', 'has a.npy, which is damaged: the checksum of a.npy does not fit its bytes'],
    ['bzip2', 'is packed in a way that is not read (a.npy: method 12)'],
    ['overlap', 'has members that overlap (b.npy)'],
    ['names', 'calls a member a.npy and z.npy'],
    [
      'notes',
      `has a member with a name and notes of 5000 bytes; expected at most 4096 (${'a'.repeat(80)}… [4920 more characters])`,
    ],
    ['text-item', 'has a.npy, which is cut off: 3 bytes of 999999999 are there'],
    ['many', 'has 5000 members; expected at most 4096'],
    ['huge', `is ${5 * 0xfffffffe} bytes or more when unpacked; expected at most ${MAX_BYTES}`],
    ['no-array', 'has a.npy, which is no array of numpy'],
    ['empty', 'has a.npy, which is cut off within its header'],
    ['cut', 'has a.npy, which is cut off: 399 bytes of 400 are there'],
    ['long', 'has a.npy, which goes on after its end: 401 bytes where 400 are due'],
    ['header', 'has a.npy, which is cut off within its header'],
    ['version', 'has a.npy, which is of version 9.0 of the format; 1.0, 2.0 and 3.0 are read'],
    ['header-long', 'has a.npy, which has a header of 2147483648 bytes; expected at most 65536'],
    ['code', 'has a.npy, which has a header that is no Python literal'],
    ['type', 'has a.npy, which has elements of the type <?8, which is not known'],
    ['shape', 'has a.npy, which has a header without a shape'],
    ['infinite', 'has a.npy, which says it has the shape [999999999, 999999999], which nothing can have'],
  ])('%s: %s', async (name, flaw) => {
    expect(await flawOf(`${name}.npz`)).toBe(flaw);
  });

  test.each([
    ['bomb', /^has a\.npy, which .*too many bytes in the stream/],
    ['short', /^has a\.npy, which .*not enough bytes in the stream/],
    ['far', /^is damaged \(it names bytes 9223372036854776000 to .* of a file of \d+\)$/],
    ['far-directory', /^is damaged \(it names bytes 4611686018427388000 to /],
    ['far-member', /^is damaged \(it names bytes 1152921504606847000 to /],
  ])('%s is refused', async (name, flaw) => {
    expect(await flawOf(`${name}.npz`)).toMatch(flaw);
  });

  test('what is no regular file is refused, never waited for', async () => {
    execaSync('mkfifo', [join(top.path, 'pipe.npz')]);
    expect(await flawOf('pipe.npz')).toBe('is no file');
    expect(await flawOf('none.npz')).toBe('cannot be read (ENOENT)');
    writeFileSync(join(top.path, 'zero.npz'), '');
    expect(await flawOf('zero.npz')).toBe('is no zip archive, or it is cut off');
  });
});

describe('headers are read, never run', () => {
  test.each([
    [
      "{'descr': '<i8', 'fortran_order': False, 'shape': (3,), }   \n",
      new Map<unknown, unknown>([
        ['descr', '<i8'],
        ['fortran_order', false],
        ['shape', [3]],
      ]),
    ],
    [
      '{"a": [(\'x\', "<f8"), (-1, None)]}',
      new Map([
        [
          'a',
          [
            ['x', '<f8'],
            [-1, null],
          ],
        ],
      ]),
    ],
    ["'a\\'b'", "a'b"],
    ['(3L,)', [3]],
    ['()', []],
  ])('%s', (text, value) => {
    expect(pythonLiteral(text)).toEqual(value);
  });

  test.each([
    ["__import__('os')", 'has a header that is no Python literal'],
    ['{', 'has a header that is cut off'],
    ["{'a': 1, 'a': 2}", 'has a header that says something twice'],
    ["{'a' 1}", 'has a header in which a : is missing'],
    ['[1 2]', 'has a header in which a , is missing'],
    ['1 + 1', 'has a header that is no Python literal'],
    ['(1,) (2,)', 'has a header that goes on after its end'],
    [']', 'has a header with a ] out of place'],
    ['', 'has a header that is cut off'],
  ])('%j is refused', (text, what) => {
    expect(() => pythonLiteral(text)).toThrow(what);
  });

  test('depth has an end', () => {
    expect(() => pythonLiteral('['.repeat(100_000))).toThrow('has a header that is nested too deep');
  });
});
