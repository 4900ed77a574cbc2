import type { Tool as Definition } from '@modelcontextprotocol/server';
import * as z from 'zod';
import type { Effect } from '../base/permit.ts';
import type { Tool } from '../tools/tool.ts';

/** What `tools/list` says: the tools of agents alone, in the order of the list, each with both schemas and hints from its effect. */
export function definitions(tools: readonly Tool[]): Definition[] {
  return tools.filter((tool) => tool.audience === 'agent').map(definition);
}

function definition(tool: Tool): Definition {
  return {
    name: tool.name,
    title: tool.title,
    description: tool.description,
    inputSchema: wireSchema(tool.input, 'input'),
    // The answer of a router is that of the operation it goes on with.
    ...(tool.next ? {} : { outputSchema: wireSchema(tool.output, 'output') }),
    annotations: annotations(tool.effect),
  };
}

/**
 * Hints derive from the effect, so that they cannot contradict the gate. `run`, `spend` and `destroy` set programs going whose reach
 * this program does not bound; reads and writes stay within the repository and its sites.
 */
export function annotations(effect: Effect): NonNullable<Definition['annotations']> {
  return {
    readOnlyHint: effect === 'read',
    destructiveHint: effect === 'spend' || effect === 'destroy',
    ...(effect === 'read' ? { idempotentHint: true } : {}),
    openWorldHint: effect === 'run' || effect === 'spend' || effect === 'destroy',
  };
}

/**
 * JSON Schema of an object as the most clients read it: `$schema` left out, since 2020-12 is what the protocol assumes and clients of
 * 2025 refuse to compile a dialect they do not know.
 */
function wireSchema(schema: z.ZodObject, io: 'input' | 'output'): Definition['inputSchema'] {
  const json: unknown = JSON.parse(JSON.stringify(z.toJSONSchema(schema, { io }), (_, node: unknown) => portable(node)));
  const { $schema: _, ...plain } = z.record(z.string(), z.json()).parse(json);
  return { ...plain, type: 'object' };
}

const SAFE: readonly unknown[] = [Number.MAX_SAFE_INTEGER, Number.MIN_SAFE_INTEGER];

/** The bounds of every safe integer say nothing; a list of types and an empty schema are what some model providers refuse. */
function portable(node: unknown): unknown {
  if (typeof node !== 'object' || node === null || Array.isArray(node)) return node;
  const { type, description, ...rest } = Object.fromEntries(
    Object.entries(node).map(([key, value]) => [key, isEmpty(key, value) ? true : value]),
  );
  const kept = Object.fromEntries(Object.entries(rest).filter(([key, value]) => !/imum$/.test(key) || !SAFE.includes(value)));
  const said = description === undefined ? {} : { description };
  if (!Array.isArray(type)) return { ...(type === undefined ? {} : { type }), ...kept, ...said };
  return { anyOf: type.map((one) => (one === 'null' ? { type: one } : { type: one, ...kept })), ...said };
}

function isEmpty(key: string, value: unknown): boolean {
  return key === 'additionalProperties' && typeof value === 'object' && value !== null && Object.keys(value).length === 0;
}
