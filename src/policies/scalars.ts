export type Scalar = string | number | boolean | null;

const NULL = /^(?:~|null|Null|NULL|)$/;
const TRUE = /^(?:yes|Yes|YES|true|True|TRUE|on|On|ON)$/;
const FALSE = /^(?:no|No|NO|false|False|FALSE|off|Off|OFF)$/;
const DECIMAL = /^[-+]?(?:0|[1-9][0-9_]*)$/;
const BINARY = /^[-+]?0b[01_]+$/;
const OCTAL = /^[-+]?0[0-7_]+$/;
const HEX = /^[-+]?0x[0-9a-fA-F_]+$/;
const SIXTIES = /^[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+(?:\.[0-9_]*)?$/;
const FLOAT = /^(?:[-+]?[0-9][0-9_]*\.[0-9_]*(?:[eE][-+][0-9]+)?|\.[0-9][0-9_]*(?:[eE][-+][0-9]+)?)$/;
const INFINITE = /^(?:[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))$/;

/**
 * An unquoted word as PyYAML's safe loader reads it (YAML 1.1): `yes` is true, `010` is 8, `1e3` and `y` are text, and `12:00:00` is
 * 43200, while `08:00:00` is text, since its whole numbers in base 60 do not begin with 0. Dates stay text.
 */
export function pythonScalar(source: string): Scalar {
  if (NULL.test(source)) return null;
  if (TRUE.test(source)) return true;
  if (FALSE.test(source)) return false;
  if (DECIMAL.test(source)) return number(source, 10, 0);
  if (BINARY.test(source)) return number(source, 2, 2);
  if (OCTAL.test(source)) return number(source, 8, 1);
  if (HEX.test(source)) return number(source, 16, 2);
  if (SIXTIES.test(source) && (source.includes('.') || /^[-+]?[1-9]/.test(source))) return sixties(source);
  if (FLOAT.test(source)) return Number(source.replaceAll('_', ''));
  if (INFINITE.test(source)) return /nan/i.test(source) ? Number.NaN : source.startsWith('-') ? -Infinity : Infinity;
  return source;
}

/**
 * An unquoted word inside `gate:`, which only this program reads: numbers are decimal, and all that two readers could disagree about
 * (`12:00:00`, `010`, `0x10`, `1_000`) stays the text that stands there.
 */
export function gateScalar(source: string): Scalar {
  if (NULL.test(source)) return null;
  if (TRUE.test(source)) return true;
  if (FALSE.test(source)) return false;
  return /^-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?$/.test(source) ? Number(source) : source;
}

function number(source: string, base: number, prefix: number): number {
  const digits = source.replace(/^[-+]/, '').slice(prefix).replaceAll('_', '');
  const value = digits === '' ? 0 : Number.parseInt(digits, base);
  return source.startsWith('-') ? -value : value;
}

function sixties(source: string): number {
  const parts = source.replace(/^[-+]/, '').replaceAll('_', '').split(':');
  const value = parts.reduce((sum, part) => sum * 60 + Number(part), 0);
  return source.startsWith('-') ? -value : value;
}
