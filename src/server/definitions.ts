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

const SAFE = new Set([Number.MAX_SAFE_INTEGER, Number.MIN_SAFE_INTEGER]);

/**
 * JSON Schema of an object, without what costs room and says nothing: the bounds of every safe integer, and `$schema`, since 2020-12
 * is what the protocol assumes and clients of 2025 refuse to compile a dialect they do not know.
 */
function wireSchema(schema: z.ZodObject, io: 'input' | 'output'): Definition['inputSchema'] {
  const json = z.toJSONSchema(schema, {
    io,
    override: ({ jsonSchema }) => {
      if (SAFE.has(jsonSchema.minimum ?? 0)) delete jsonSchema.minimum;
      if (SAFE.has(jsonSchema.maximum ?? 0)) delete jsonSchema.maximum;
    },
  });
  // A round trip leaves plain JSON: zod's own non-enumerable members stay behind.
  const { $schema: _, ...plain } = z.record(z.string(), z.json()).parse(JSON.parse(JSON.stringify(json)));
  return { ...plain, type: 'object' };
}
