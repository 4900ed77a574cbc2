import * as z from 'zod';
import type { Tool } from '../tools/tool.ts';

/** How the text after a flag becomes a value. `switch` takes no text; `json` is for what has no shorter form. */
export type Kind = 'text' | 'number' | 'switch' | 'json';

/** One input field as the command line knows it. */
export type Field = {
  name: string;
  /** `run_id` is `--run-id`. */
  flag: string;
  kind: Kind;
  /** Whether the flag may be given several times; each adds one. */
  many: boolean;
  choices: readonly string[];
  required: boolean;
  default: unknown;
  description: string;
  /** Whether it is also taken without its flag. */
  positional: boolean;
};

/** A flag that no schema has: of the program itself, or of a command that is no operation. */
export function plainFlag(name: string, kind: 'switch' | 'text', description: string, fallback?: boolean): Field {
  return {
    name: name.replaceAll('-', '_'),
    flag: `--${name}`,
    kind,
    many: false,
    choices: [],
    required: false,
    default: fallback,
    description,
    positional: false,
  };
}

/** The fields of a tool’s input, those without a flag first and in their order. Derived from the schema: there is no second list. */
export function fieldsOf(tool: Tool): Field[] {
  const schema = z.toJSONSchema(tool.input, { io: 'input' });
  const required = new Set(schema.required ?? []);
  const positional = tool.positional ?? [];
  const fields = Object.entries(schema.properties ?? {}).map(([name, property]): Field => {
    const whole = member(property);
    const many = whole.type === 'array';
    const one = many ? member(Array.isArray(whole.items) ? true : (whole.items ?? true)) : whole;
    return {
      name,
      flag: `--${name.replaceAll('_', '-')}`,
      kind: kindOf(one, many),
      many,
      choices: [...(one.enum ?? []), ...(one.const === undefined ? [] : [one.const])].map(String),
      required: required.has(name),
      default: whole.default,
      description: whole.description ?? '',
      positional: positional.includes(name),
    };
  });
  const place = ({ name }: Field): number => (positional.includes(name) ? positional.indexOf(name) : positional.length);
  return fields.sort((a, b) => place(a) - place(b));
}

type Property = z.core.JSONSchema.JSONSchema;

/** A field that may also be null is the field; what is said about the whole stays. */
function member(property: boolean | Property): Property {
  if (typeof property === 'boolean') return {};
  const [type, ...types] = [property.type ?? []].flat().filter((one) => one !== 'null');
  const [only, ...others] = (property.anyOf ?? []).filter((one) => one.type !== 'null');
  return { ...(only && others.length === 0 ? only : {}), ...property, ...(type && types.length === 0 ? { type } : {}) };
}

function kindOf(property: Property, inList: boolean): Kind {
  if (property.type === 'boolean' && !inList) return 'switch';
  if (property.type === 'integer' || property.type === 'number') return 'number';
  if (property.type === 'string' || property.enum || property.const !== undefined) return 'text';
  return 'json';
}
