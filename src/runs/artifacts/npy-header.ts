import { quote } from '../../base/text.ts';
import { pythonLiteral } from './python-literal.ts';
import { refuse } from './unreadable.ts';

/** numpy refuses headers longer than 10,000 characters (numpy.lib.format); those of many fields are a little longer. */
const MAX_HEADER = 1 << 16;
const MAGIC = Buffer.from('\x93NUMPY', 'latin1');
export const PREFIX = 12;

export type NpyHeader = { dtype: string; itemBytes: number; shape: readonly number[]; fortran: boolean; count: number };

/** How many bytes from the start the header takes, told by the first 12 of them (numpy.lib.format, versions 1 to 3). */
export function headerEnd(start: Buffer): number {
  if (start.length < PREFIX) refuse('is cut off within its header');
  if (!start.subarray(0, MAGIC.length).equals(MAGIC)) refuse('is no array of numpy');
  const major = start[6] ?? 0;
  if (major < 1 || major > 3 || start[7] !== 0)
    refuse(`is of version ${major}.${start[7]} of the format; 1.0, 2.0 and 3.0 are read`);
  const [from, length] = major === 1 ? [10, start.readUInt16LE(8)] : [12, start.readUInt32LE(8)];
  return length <= MAX_HEADER ? from + length : refuse(`has a header of ${length} bytes; expected at most ${MAX_HEADER}`);
}

/** What the header says; `bytes` is everything up to its end. */
export function readHeader(bytes: Buffer): NpyHeader {
  const major = bytes[6] ?? 0;
  const said = pythonLiteral(bytes.subarray(major === 1 ? 10 : 12).toString(major === 3 ? 'utf8' : 'latin1'));
  if (!(said instanceof Map) || said.size !== 3) return refuse('has a header that does not say descr, fortran_order and shape');
  const [descr, fortran, shape] = [said.get('descr'), said.get('fortran_order'), said.get('shape')];
  if (Array.isArray(descr)) return refuse('has fields with names of their own; arrays of one type are read');
  if (typeof descr !== 'string' || typeof fortran !== 'boolean')
    return refuse('has a header that does not say descr and fortran_order');
  if (!Array.isArray(shape) || !shape.every(isLength)) return refuse('has a header without a shape');
  const count = shape.reduce((product, length) => product * length, 1);
  const itemBytes = bytesOfType(descr);
  if (!Number.isSafeInteger(count * itemBytes))
    return refuse(`says it has the shape [${shape.join(', ')}], which nothing can have`);
  return { dtype: descr, itemBytes, shape, fortran, count };
}

function isLength(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
}

/** The bytes of one element of a type such as `<i8` (numpy, array interface). */
function bytesOfType(descr: string): number {
  const [, mark = '', letter = '', digits = ''] = /^([<>|])([a-zA-Z])(\d{1,9})?(?:\[[^\]]{1,20}\])?$/.exec(descr) ?? [];
  if (letter === 'O') return refuse('holds Python objects, which would have to be run to be read');
  if (mark === '' || digits === '' || !'biufcSUVmM'.includes(letter))
    return refuse(`has elements of the type ${quote(descr, 40)}, which is not known`);
  return letter === 'U' ? 4 * Number(digits) : Number(digits);
}
