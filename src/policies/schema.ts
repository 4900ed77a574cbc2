import * as z from 'zod';
import { autolabShape } from './autolab-schema.ts';
import { type GatePolicy, gateSchema } from './gate-schema.ts';
import type { Tree } from './yaml.ts';

/** `verifier_policy.yaml`, all of it: unknown keys are errors. Parse only what lies over the defaults: every key is there then. */
export const policySchema = z.strictObject({ gate: gateSchema, ...autolabShape });

/** Autolab's own keys, effective: what this program reads is typed and always there. */
export type AutolabKeys = Omit<z.output<typeof policySchema>, 'gate'>;
export type { GatePolicy };

/** `oracle`, `oracle_triggers`, …: Autolab's settings of an open family, for nobody to judge here. */
export function withoutOracle(tree: Tree): Tree {
  return Object.fromEntries(Object.entries(tree).filter(([key]) => !key.startsWith('oracle')));
}

/** The schema for editors (JSON Schema 2020-12). Every key may be left out: what a file does not say comes from the layers below. */
export function jsonSchema(): Record<string, unknown> {
  const schema = z.toJSONSchema(policySchema, {
    io: 'input',
    override: ({ jsonSchema: part, path }) => {
      if (!path.includes('rules')) delete part.required;
    },
  });
  return {
    ...schema,
    title: "Autolab's verifier_policy.yaml, with the gate of autolab-mcp",
    patternProperties: { '^oracle': {} },
  };
}

/** The keys that may stand at a place, for naming the nearest one. */
export function keysAt(path: readonly PropertyKey[]): string[] {
  let here: unknown = policySchema;
  for (const key of path) here = inside(here, key);
  return here === undefined ? [] : objects(here).flatMap((one) => Object.keys(one.shape));
}

function inside(schema: unknown, key: PropertyKey): unknown {
  if (typeof key === 'number') return elementOf(schema);
  return objects(schema)
    .map((one) => one.shape[String(key)])
    .find((found) => found !== undefined);
}

function elementOf(schema: unknown): unknown {
  if (schema instanceof z.ZodArray) return schema.element;
  if (schema instanceof z.ZodOptional) return elementOf(schema.unwrap());
  return schema instanceof z.ZodPipe ? elementOf(schema.in) : undefined;
}

/** The maps that a schema accepts, looked for through optional, unions and transformations. */
function objects(schema: unknown): z.ZodObject[] {
  if (schema instanceof z.ZodObject) return [schema];
  if (schema instanceof z.ZodOptional) return objects(schema.unwrap());
  if (schema instanceof z.ZodPipe) return objects(schema.in);
  if (schema instanceof z.ZodUnion) return schema.options.flatMap(objects);
  return [];
}
