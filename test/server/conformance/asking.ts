import { randomBytes } from 'node:crypto';
import type { InputRequiredResult, McpServer, ServerContext } from '@modelcontextprotocol/server';
import {
  CLIENT_CAPABILITIES_META_KEY,
  createRequestStateCodec,
  inputRequired,
  inputResponse,
} from '@modelcontextprotocol/server';
import * as z from 'zod';

const none = z.strictObject({});
const text = (words: string) => ({ content: [{ type: 'text' as const, text: words }] });
const codec = createRequestStateCodec<{ round: number }>({ key: randomBytes(32), ttlSeconds: 600 });

const oneOf = <T extends 'string' | 'boolean'>(property: string, type: T) => ({
  type: 'object' as const,
  properties: { [property]: { type } },
  required: [property],
});
const NAME = inputRequired.elicit({ message: 'What is your name?', requestedSchema: oneOf('name', 'string') });
const OK = inputRequired.elicit({ message: 'Please confirm', requestedSchema: oneOf('ok', 'boolean') });
const sampling = (words: string, maxTokens: number) =>
  inputRequired.createMessage({ messages: [{ role: 'user', content: { type: 'text', text: words } }], maxTokens });

/** What was answered to a question, as text; undefined where it was not, or not in the way that was asked for. */
function answer(ctx: ServerContext, key: string): string | undefined {
  const given = inputResponse(ctx.mcpReq.inputResponses, key);
  if (given.kind === 'missing') return undefined;
  if (given.kind !== 'elicit') return JSON.stringify(given);
  return given.action === 'accept' && given.content !== undefined ? JSON.stringify(given.content) : undefined;
}

async function roundOf(ctx: ServerContext): Promise<number> {
  const state = ctx.mcpReq.requestState();
  return typeof state === 'string' ? (await codec.verify(state, ctx)).round : 0;
}

/** Tools and a prompt that ask in the way of 2026: with a result, and the answer in the same call made again. */
export function addModernAsking(server: McpServer): void {
  const add = (name: string, run: (ctx: ServerContext) => Promise<InputRequiredResult | ReturnType<typeof text>>) =>
    server.registerTool(name, { description: `A fixture of the suite: ${name}`, inputSchema: none }, (_, ctx) => run(ctx));
  const asks = (name: string, inputRequests: Parameters<typeof inputRequired>[0]['inputRequests'], withState = false) =>
    add(name, async (ctx) => {
      const keys = Object.keys(inputRequests ?? {});
      const answers = keys.map((key) => answer(ctx, key));
      const round = withState ? await roundOf(ctx) : 1;
      if (answers.every((one) => one !== undefined) && round === 1) return text(`state-ok ${answers.join(' ')}`);
      return inputRequired({
        ...(inputRequests === undefined ? {} : { inputRequests }),
        ...(withState ? { requestState: await codec.mint({ round: 1 }) } : {}),
      });
    });
  asks('test_input_required_result_elicitation', { user_name: NAME });
  asks('test_streaming_elicitation', { user_name: NAME });
  asks('test_input_required_result_sampling', { capital_question: sampling('What is the capital of France?', 100) });
  asks('test_input_required_result_list_roots', { client_roots: inputRequired.listRoots() });
  asks('test_input_required_result_request_state', { confirm: OK }, true);
  asks('test_input_required_result_tampered_state', { confirm: OK }, true);
  const three = { user_name: NAME, greeting: sampling('Generate a greeting', 50), client_roots: inputRequired.listRoots() };
  asks('test_input_required_result_multiple_inputs', three, true);
  add('test_input_required_result_multi_round', async (ctx) => {
    const round = await roundOf(ctx);
    if (round === 2 && answer(ctx, 'step2') !== undefined) return text('both answered');
    const next = round === 1 && answer(ctx, 'step1') !== undefined ? 2 : 1;
    const message = next === 1 ? 'Step 1: What is your name?' : 'Step 2: What is your favorite color?';
    const question = inputRequired.elicit({ message, requestedSchema: oneOf(next === 1 ? 'name' : 'color', 'string') });
    return inputRequired({ inputRequests: { [`step${next}`]: question }, requestState: await codec.mint({ round: next }) });
  });
  add('test_input_required_result_capabilities', async (ctx) => {
    const capabilities = z
      .looseObject({})
      .catch({})
      .parse(new Map(Object.entries(ctx.mcpReq.envelope ?? {})).get(CLIENT_CAPABILITIES_META_KEY));
    const able = {
      ...('elicitation' in capabilities ? { user_name: NAME } : {}),
      ...('sampling' in capabilities ? { greeting: sampling('Generate a greeting', 50) } : {}),
      ...('roots' in capabilities ? { client_roots: inputRequired.listRoots() } : {}),
    };
    const isAnswered = Object.keys(able).every((key) => answer(ctx, key) !== undefined);
    return isAnswered ? text('nothing to ask for') : inputRequired({ inputRequests: able });
  });
  server.registerPrompt('test_input_required_result_prompt', { description: 'A fixture of the suite' }, (ctx) => {
    const context = answer(ctx, 'user_context');
    if (context !== undefined) return { messages: [{ role: 'user', content: { type: 'text', text: context } }] };
    const question = { message: 'What context should the prompt use?', requestedSchema: oneOf('context', 'string') };
    return inputRequired({ inputRequests: { user_context: inputRequired.elicit(question) } });
  });
}

/** Tools that ask in the way of 2025: with a request of the server's own, while the call is open. */
export function addLegacyAsking(server: McpServer): void {
  type Schema = Extract<Parameters<ServerContext['mcpReq']['elicitInput']>[0], { requestedSchema: unknown }>['requestedSchema'];
  const elicit = async (ctx: ServerContext, message: string, requestedSchema: Schema) => {
    const { action, content } = await ctx.mcpReq.elicitInput({ mode: 'form', message, requestedSchema });
    return `action=${action}, content=${JSON.stringify(content ?? {})}`;
  };
  server.registerTool(
    'test_sampling',
    { description: 'A fixture of the suite', inputSchema: z.strictObject({ prompt: z.string() }) },
    async ({ prompt }, ctx) => {
      const messages = [{ role: 'user' as const, content: { type: 'text' as const, text: prompt } }];
      const { content } = await ctx.mcpReq.requestSampling({ messages, maxTokens: 100 });
      return text(`LLM response: ${'text' in content ? content.text : JSON.stringify(content)}`);
    },
  );
  server.registerTool(
    'test_elicitation',
    { description: 'A fixture of the suite', inputSchema: z.strictObject({ message: z.string() }) },
    async ({ message }, ctx) => {
      const properties = {
        username: { type: 'string' as const, description: "User's response" },
        email: { type: 'string' as const, description: "User's email address" },
      };
      const said = await elicit(ctx, message, { type: 'object', properties, required: ['username', 'email'] });
      return text(`User response: ${said}`);
    },
  );
  const form = (name: string, properties: Schema['properties']) =>
    server.registerTool(name, { description: 'A fixture of the suite', inputSchema: none }, async (_, ctx) =>
      text(`Elicitation completed: ${await elicit(ctx, 'Please fill in', { type: 'object', properties })}`),
    );
  form('test_elicitation_sep1034_defaults', {
    name: { type: 'string', default: 'John Doe' },
    age: { type: 'integer', default: 30 },
    score: { type: 'number', default: 95.5 },
    status: { type: 'string', enum: ['active', 'inactive', 'pending'], default: 'active' },
    verified: { type: 'boolean', default: true },
  });
  const titled = (word: string, noun: string) =>
    ['First', 'Second', 'Third'].map((rank, at) => ({ const: `${word}${at + 1}`, title: `${rank} ${noun}` }));
  form('test_elicitation_sep1330_enums', {
    untitledSingle: { type: 'string', enum: ['option1', 'option2', 'option3'] },
    titledSingle: { type: 'string', oneOf: titled('value', 'Option') },
    legacyEnum: {
      type: 'string',
      enum: ['opt1', 'opt2', 'opt3'],
      enumNames: ['Option One', 'Option Two', 'Option Three'],
    },
    untitledMulti: { type: 'array', items: { type: 'string', enum: ['option1', 'option2', 'option3'] } },
    titledMulti: { type: 'array', items: { anyOf: titled('value', 'Choice') } },
  });
}
