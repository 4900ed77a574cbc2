import { readFileSync } from 'node:fs';
import { Ajv2020 } from 'ajv/dist/2020.js';

const ajv = new Ajv2020({ allErrors: true, strict: false });
ajv.addFormat('date-time', /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[-+]\d\d:\d\d)$/);

/** What the reference's schema, in its strict form, finds wrong with a value; empty when nothing. */
export function referenceFindings(
  schema: 'design' | 'run_manifest' | 'metrics' | 'review_result' | 'state',
  value: unknown,
): string[] {
  const check = ajv.getSchema(schema) ?? ajv.addSchema(load(schema), schema).getSchema(schema);
  if (check === undefined) throw new Error(`no schema ${schema}`);
  return check(value) === true ? [] : (check.errors ?? []).map((error) => `${error.instancePath} ${error.message ?? ''}`);
}

function load(schema: string): object {
  return JSON.parse(readFileSync(new URL(`${schema}.schema.json`, import.meta.url), 'utf8')) as object;
}
