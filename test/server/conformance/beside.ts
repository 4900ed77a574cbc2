import type { McpServer, ServerContext } from '@modelcontextprotocol/server';
import {
  CLIENT_CAPABILITIES_META_KEY,
  MissingRequiredClientCapabilityError,
  ProtocolError,
  ProtocolErrorCode,
} from '@modelcontextprotocol/server';
import * as z from 'zod';

type Handler = (
  request: { method: string; params?: Record<string, unknown> },
  ctx: ServerContext,
) => Promise<Record<string, unknown>>;

/** Requests that list, by what they list; and requests for one thing, by what names it. */
const LISTS = {
  'tools/list': 'tools',
  'resources/list': 'resources',
  'resources/templates/list': 'resourceTemplates',
  'prompts/list': 'prompts',
} as const;
const SINGLE = {
  'tools/call': 'name',
  'resources/read': 'uri',
  'prompts/get': 'name',
  'completion/complete': 'ref',
  'resources/subscribe': 'uri',
  'resources/unsubscribe': 'uri',
} as const;
const isOfTheSuite = (named: unknown) => /\btest(?:_|:\/\/)|json_schema_2020_12/.test(JSON.stringify(named) ?? '');

/**
 * Adds fixtures to a server of ours without taking anything of it away: lists show both, and what the suite names is answered by its
 * fixture. The SDK lets a method have one handler only, so ours are set aside while the fixtures register theirs.
 */
export function mountBeside(server: McpServer, add: () => void): McpServer {
  const handlers = handlersOf(server);
  const ours = new Map([...Object.keys(LISTS), ...Object.keys(SINGLE)].map((method) => [method, handlers.get(method)]));
  for (const method of ours.keys()) handlers.delete(method);
  for (const kind of ['_toolHandlers', '_resourceHandlers', '_promptHandlers', '_completionHandler']) {
    if (!Reflect.has(server, `${kind}Initialized`))
      throw new Error('this version of the SDK remembers otherwise what it has set up');
    Reflect.set(server, `${kind}Initialized`, false);
  }
  add();
  for (const [method, mine] of ours) {
    const theirs = handlers.get(method);
    if (mine === undefined || theirs === undefined) {
      const only = mine ?? theirs;
      if (only) handlers.set(method, only);
      continue;
    }
    const list = new Map<string, string>(Object.entries(LISTS)).get(method);
    const key = new Map<string, string>(Object.entries(SINGLE)).get(method) ?? '';
    handlers.set(method, async (request, ctx) => {
      if (list === undefined) return isOfTheSuite(request.params?.[key]) ? theirs(request, ctx) : mine(request, ctx);
      const [a, b] = [await mine(request, ctx), await theirs(request, ctx)];
      return { ...a, [list]: [...items(a[list]), ...items(b[list])] };
    });
  }
  special(handlers);
  return server;
}

const items = (list: unknown): unknown[] => (Array.isArray(list) ? list : []);

function handlersOf(server: McpServer): Map<string, Handler> {
  const found: unknown = Reflect.get(server.server, '_requestHandlers');
  if (!(found instanceof Map)) throw new Error('this version of the SDK keeps its handlers elsewhere');
  return found;
}

/** A schema with words of JSON Schema 2020-12 that zod does not write. */
const SCHEMA = {
  $schema: 'https://json-schema.org/draft/2020-12/schema',
  type: 'object',
  $defs: {
    address: { $anchor: 'addressDef', type: 'object', properties: { street: { type: 'string' }, city: { type: 'string' } } },
  },
  properties: {
    name: { type: 'string' },
    address: { $ref: '#/$defs/address' },
    contactMethod: { type: 'string', enum: ['phone', 'email'] },
    phone: { type: 'string' },
    email: { type: 'string' },
  },
  allOf: [{ anyOf: [{ required: ['phone'] }, { required: ['email'] }] }],
  if: { properties: { contactMethod: { const: 'phone' } }, required: ['contactMethod'] },
  // biome-ignore lint/suspicious/noThenProperty: a word of JSON Schema
  then: { required: ['phone'] },
  else: { required: ['email'] },
  additionalProperties: false,
};
const EXTRA = [
  { name: 'json_schema_2020_12_tool', description: 'A fixture of the suite: a schema as it was written', inputSchema: SCHEMA },
  {
    name: 'test_missing_capability',
    description: 'A fixture of the suite: only for clients that can sample',
    inputSchema: { type: 'object', properties: {} },
  },
];

/** What the SDK's own way with tools cannot do: a schema that is not zod's, and errors that are the protocol's and no result. */
function special(handlers: Map<string, Handler>): void {
  const list = handlers.get('tools/list');
  const call = handlers.get('tools/call');
  if (list === undefined || call === undefined) throw new Error('a server without tools');
  handlers.set('tools/list', async (request, ctx) => {
    const listed = await list(request, ctx);
    return { ...listed, tools: [...items(listed.tools), ...EXTRA] };
  });
  handlers.set('tools/call', async (request, ctx) => {
    if (request.params?.name === 'test_missing_capability') {
      const can = new Map(Object.entries(ctx.mcpReq.envelope ?? {})).get(CLIENT_CAPABILITIES_META_KEY);
      if (!z.looseObject({ sampling: z.looseObject({}) }).safeParse(can).success) {
        throw new MissingRequiredClientCapabilityError({ requiredCapabilities: { sampling: {} } });
      }
    }
    const answer = await call(request, ctx);
    const isTampered = request.params?.name === 'test_input_required_result_tampered_state' && answer.isError === true;
    if (isTampered) throw new ProtocolError(ProtocolErrorCode.InvalidParams, 'the state was not made by this server');
    return answer;
  });
}
