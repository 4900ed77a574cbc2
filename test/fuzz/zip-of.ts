import { crc32, deflateRawSync } from 'node:zlib';

/** An array as numpy.save writes it; `header` in the place of what would be said. */
export function npyOf(type: string, shape: readonly number[], elements: Buffer, header?: string): Buffer {
  const said = header ?? `{'descr': '${type}', 'fortran_order': False, 'shape': (${shape.join(', ')},), }\n`;
  const bytes = Buffer.from(said, 'latin1').subarray(0, 0xffff);
  const length = Buffer.alloc(2);
  length.writeUInt16LE(bytes.length);
  return Buffer.concat([Buffer.from('\x93NUMPY\x01\x00', 'latin1'), length, bytes, elements]);
}

/** A zip archive of these members, stored or deflated. */
export function zipOf(members: Readonly<Record<string, Buffer | string>>, packed: boolean): Buffer {
  const local: Buffer[] = [];
  const central: Buffer[] = [];
  let at = 0;
  for (const [name, content] of Object.entries(members)) {
    const bytes = Buffer.from(content);
    const data = packed ? deflateRawSync(bytes) : bytes;
    const common = Buffer.alloc(26);
    for (const [value, place] of [
      [20, 0],
      [packed ? 8 : 0, 4],
      [name.length, 22],
    ] as const)
      common.writeUInt16LE(value, place);
    common.writeUInt32LE(0x21_0000, 6);
    common.writeUInt32LE(crc32(bytes), 10);
    common.writeUInt32LE(data.length, 14);
    common.writeUInt32LE(bytes.length, 18);
    const place = Buffer.alloc(14);
    place.writeUInt32LE(at, 10);
    local.push(Buffer.from('PK\x03\x04'), common, Buffer.from(name), data);
    central.push(Buffer.from('PK\x01\x02\x14\0'), common, place, Buffer.from(name));
    at += 30 + name.length + data.length;
  }
  const directory = Buffer.concat(central);
  const end = Buffer.alloc(22);
  end.write('PK\x05\x06', 'latin1');
  for (const place of [8, 10]) end.writeUInt16LE(Object.keys(members).length, place);
  end.writeUInt32LE(directory.length, 12);
  end.writeUInt32LE(at, 16);
  return Buffer.concat([...local, directory, end]);
}
