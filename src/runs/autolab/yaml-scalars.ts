/** What an unquoted word in a YAML file stands for. A `trap` is a word that a person means as text and Autolab's YAML reads as something else. */
export type Scalar = { value: string | number | boolean | null } | { trap: string };

const NULL = /^(?:~|null|Null|NULL|)$/;
const INTEGER = /^[-+]?(?:0|[1-9][0-9]*)$/;
const HEX = /^[-+]?0x[0-9a-fA-F]+$/;

// The implicit types of PyYAML's safe loader (YAML 1.1), as its resolver defines them.
const PY_TRUE = /^(?:yes|Yes|YES|true|True|TRUE|on|On|ON)$/;
const PY_FALSE = /^(?:no|No|NO|false|False|FALSE|off|Off|OFF)$/;
const PY_FLOAT = /^(?:[-+]?[0-9]+\.[0-9]*(?:[eE][-+][0-9]+)?|\.[0-9]+(?:[eE][-+][0-9]+)?)$/;
const PY_TRAPS: readonly [RegExp, (source: string) => string][] = [
  [/^[-+]?[1-9][0-9_]*(?::[0-5]?[0-9])+$/, (s) => `the number ${base60(s)}, counted in base 60`],
  [/^[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+\.[0-9_]*$/, () => 'a number in base 60'],
  [/^[-+]?0b[01_]+$/, () => 'a binary number'],
  [/^[-+]?0[0-7_]+$/, () => 'an octal number'],
  [
    /^(?:[-+]?(?:[1-9][0-9_]*|0x[0-9a-fA-F_]+|[0-9][0-9_]*\.[0-9_]*(?:[eE][-+][0-9]+)?)|\.[0-9][0-9_]*(?:[eE][-+][0-9]+)?)$/,
    () => 'a number',
  ],
  [/^(?:[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))$/, () => 'a number that is not finite'],
  [/^[0-9]{4}-[0-9]{2}-[0-9]{2}$/, () => 'a date'],
  [
    /^[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}(?:[Tt]|[ \t]+)[0-9]{1,2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]*)?(?:[ \t]*(?:Z|[-+][0-9]{1,2}(?::?[0-9]{2})?))?$/,
    () => 'a time',
  ],
  [/^=$/, () => 'the default value mark'],
];

/** An unquoted word as PyYAML reads it: `yes` and `on` are true, `1e-3` is text, `12:00:00` is a trap (43200 to PyYAML). */
export function pythonScalar(source: string): Scalar {
  if (NULL.test(source)) return { value: null };
  if (PY_TRUE.test(source)) return { value: true };
  if (PY_FALSE.test(source)) return { value: false };
  if (INTEGER.test(source) || HEX.test(source)) return whole(source);
  if (PY_FLOAT.test(source)) return { value: Number(source) };
  for (const [pattern, meaning] of PY_TRAPS) if (pattern.test(source)) return { trap: meaning(source) };
  return { value: source };
}

/** An unquoted word as YAML 1.2's core schema reads it: `12:00:00`, `yes` and `on` are text. */
export function coreScalar(source: string): Scalar {
  if (NULL.test(source)) return { value: null };
  if (/^(?:true|True|TRUE)$/.test(source)) return { value: true };
  if (/^(?:false|False|FALSE)$/.test(source)) return { value: false };
  if (/^[-+]?[0-9]+$/.test(source) || /^0o[0-7]+$/.test(source) || HEX.test(source)) return whole(source);
  if (/^[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?$/.test(source)) return { value: Number(source) };
  if (/^(?:[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))$/.test(source)) return { trap: 'a number that is not finite' };
  return { value: source };
}

function whole(source: string): Scalar {
  const negative = source.startsWith('-');
  const value = Number(source.replace(/^[-+]/, '')) * (negative ? -1 : 1);
  return Number.isSafeInteger(value)
    ? { value: value === 0 ? 0 : value }
    : { trap: 'a number with more digits than can be kept exactly' };
}

function base60(source: string): number {
  const total = source
    .replace(/[-+_]/g, '')
    .split(':')
    .reduce((sum, part) => sum * 60 + Number(part), 0);
  return source.startsWith('-') ? -total : total;
}
