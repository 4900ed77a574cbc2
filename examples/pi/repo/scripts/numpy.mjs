// Arrays as numpy keeps them: .npy (numpy.lib.format, version 1.0) and .npz, a zip of them that is not compressed (APPNOTE.TXT 4.3).
import { crc32 } from 'node:zlib';

const KINDS = { '<f8': Float64Array, '<i8': BigInt64Array };
const HEAD = 128;
const LOCAL = 0x04034b50;
const CENTRAL = 0x02014b50;
const END = 0x06054b50;
/** 1 January 1980: the same arrays give the same bytes. */
const DATE = 0x21;

export function npy(array) {
  const descr = Object.keys(KINDS).find((name) => array instanceof KINDS[name]);
  const head = Buffer.alloc(HEAD, ' ');
  head.write('\x93NUMPY\x01\x00', 'latin1');
  head.writeUInt16LE(HEAD - 10, 8);
  head.write(`{'descr': '${descr}', 'fortran_order': False, 'shape': (${array.length},), }`, 10);
  head.write('\n', HEAD - 1);
  return Buffer.concat([head, Buffer.from(array.buffer, array.byteOffset, array.byteLength)]);
}

export function readNpy(bytes) {
  const start = 10 + bytes.readUInt16LE(8);
  const [, descr] = /'descr': '([^']*)'/.exec(bytes.toString('latin1', 10, start)) ?? [];
  if (!KINDS[descr]) throw new Error(`an array of ${descr} is none that this program writes`);
  return new KINDS[descr](new Uint8Array(bytes.subarray(start)).buffer);
}

export function npz(arrays) {
  const locals = [];
  const centrals = [];
  let offset = 0;
  for (const [key, array] of Object.entries(arrays)) {
    const name = Buffer.from(`${key}.npy`);
    const data = npy(array);
    const common = record('HHHHHLLLHH', 20, 0, 0, 0, DATE, crc32(data), data.length, data.length, name.length, 0);
    const local = Buffer.concat([record('L', LOCAL), common, name, data]);
    centrals.push(record('LH', CENTRAL, 20), common, record('HHHLL', 0, 0, 0, 0, offset), name);
    locals.push(local);
    offset += local.length;
  }
  const directory = Buffer.concat(centrals);
  const end = record('LHHHHLLH', END, 0, 0, locals.length, locals.length, directory.length, offset, 0);
  return Buffer.concat([...locals, directory, end]);
}

/** Reads what `npz` writes, member after member. */
export function readNpz(bytes) {
  const arrays = {};
  for (let at = 0; bytes.readUInt32LE(at) === LOCAL; ) {
    const [size, nameLength] = [bytes.readUInt32LE(at + 18), bytes.readUInt16LE(at + 26)];
    const start = at + 30 + nameLength;
    const data = bytes.subarray(start, start + size);
    if (crc32(data) !== bytes.readUInt32LE(at + 14)) throw new Error('a checksum is wrong');
    arrays[bytes.toString('utf8', at + 30, start).replace(/\.npy$/, '')] = readNpy(data);
    at = start + size;
  }
  return arrays;
}

/** H: two bytes, L: four, little endian. */
function record(kinds, ...values) {
  return Buffer.concat(
    [...kinds].map((kind, at) => {
      const bytes = Buffer.alloc(kind === 'H' ? 2 : 4);
      bytes.writeUIntLE(values[at], 0, bytes.length);
      return bytes;
    }),
  );
}
