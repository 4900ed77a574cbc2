import { Failure } from '../../base/errors.ts';
import { pathText, placeOf } from '../autolab/validate.ts';
import type { Path, Positioned } from '../autolab/yaml.ts';

/**
 * entrypoint.args as command line words, as the reference makes them: keys sorted, underscores as dashes; true is a bare flag, false
 * and null are left out, a list repeats the flag, a map is JSON, anything else is Python's `str()` of it.
 */
export function pythonArguments(args: Readonly<Record<string, unknown>>, read: Positioned, path: Path): string[] {
  const words: string[] = [];
  for (const key of Object.keys(args).sort()) {
    const flag = `--${key.trim().replaceAll('_', '-')}`;
    const value = args[key];
    const here = [...path, key];
    if (key.trim() === '' || value === false || value === null) continue;
    if (value === true) words.push(flag);
    else if (Array.isArray(value)) value.forEach((item, at) => void words.push(flag, pythonText(item, read, [...here, at])));
    else words.push(flag, typeof value === 'object' ? pythonJson(value, read, here) : pythonText(value, read, here));
  }
  return words;
}

function pythonText(value: unknown, read: Positioned, path: Path): string {
  if (value === null) return 'None';
  if (typeof value === 'boolean') return value ? 'True' : 'False';
  if (typeof value === 'number') return pythonNumber(value, read.source(path));
  if (typeof value === 'string') return value;
  throw new Failure('file_invalid', {
    what: `${placeOf(read, path)}: ${pathText(path)} is a list or map inside a list`,
    why: 'there is no plain way to write it on a command line',
    next: 'write the command in entrypoint.cli instead',
  });
}

/** JSON as Python's json.dumps writes it: a space behind `,` and `:`, keys sorted, non-ASCII escaped. */
function pythonJson(value: unknown, read: Positioned, path: Path): string {
  if (Array.isArray(value)) return `[${value.map((item, at) => pythonJson(item, read, [...path, at])).join(', ')}]`;
  if (typeof value === 'number') return pythonNumber(value, read.source(path));
  if (typeof value === 'object' && value !== null) {
    const members = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
    return `{${members.map(([key, item]) => `${ascii(JSON.stringify(key))}: ${pythonJson(item, read, [...path, key])}`).join(', ')}}`;
  }
  return ascii(JSON.stringify(value));
}

function ascii(text: string): string {
  return text.replace(/[\u007f-\uffff]/g, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

/** A number as Python prints it: `1.0` stays `1.0`, and exponents appear below 1e-4 and from 1e16 on. */
function pythonNumber(value: number, source: string | undefined): string {
  if (!source?.includes('.')) return String(value);
  const [mantissa = '', exponent = '0'] = value.toExponential().split('e');
  const power = Number(exponent);
  if (value !== 0 && (power < -4 || power >= 16))
    return `${mantissa}e${power < 0 ? '-' : '+'}${String(Math.abs(power)).padStart(2, '0')}`;
  const text = Object.is(value, -0) ? '-0' : String(value);
  return text.includes('.') ? text : `${text}.0`;
}
