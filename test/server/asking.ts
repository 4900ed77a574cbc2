import { Client as ModernClient, StreamableHTTPClientTransport as ModernHttp } from '@modelcontextprotocol/client';
import { StdioClientTransport as ModernTransport } from '@modelcontextprotocol/client/stdio';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { ElicitRequestSchema } from '@modelcontextprotocol/sdk/types.js';
import * as z from 'zod';
import { MAIN } from '../support/repo.ts';

/** Of a run that was submitted elsewhere: what a ledger can be given. */
export const MANIFEST = {
  schema_version: '1.0',
  run_id: '20260201T101112Z_abc123',
  iteration_id: 'penguins-softmax',
  host_mode: 'slurm',
  launch_mode: 'slurm',
  command: 'sbatch launch/run_slurm.sbatch',
  job_id: '4711',
  status: 'submitted',
  resource_request: { cpus: 1 },
  artifact_sync_to_local: { status: 'pending' },
  timestamps: { started_at: '2026-02-01T10:11:12Z' },
};

export type Era = '2025' | '2026';
export const ERAS: readonly Era[] = ['2025', '2026'];
export type Reply = { action: 'accept'; content: Record<string, string> } | { action: 'decline' | 'cancel' };

const result = z.object({
  isError: z.boolean().optional(),
  content: z.array(z.object({ type: z.literal('text'), text: z.string() })),
  structuredContent: z.unknown().optional(),
  _meta: z.looseObject({ 'autolab/outcome': z.looseObject({ kind: z.string() }).optional() }).optional(),
});
export type Result = z.output<typeof result>;
export type User = {
  call(name: string, args?: Record<string, unknown>): Promise<Result>;
  list(): Promise<{ name: string; inputSchema: object; outputSchema?: object | undefined }[]>;
  /** What the client’s user was asked, in order. */
  questions: string[];
  progress: string[];
  close(): Promise<void>;
};

/** A server over HTTP that is there already. */
export type Served = { url: string; token?: string };

/**
 * A client of either era, whose user answers every question with `reply`; without one it cannot ask. On the built server, started in a
 * folder for this client alone with `words` more, or on one over HTTP.
 */
export async function connect(era: Era, to: string | Served, reply?: Reply, words: string[] = []): Promise<User> {
  const questions: string[] = [];
  const progress: string[] = [];
  const capabilities = reply ? { elicitation: {} } : {};
  const answer = async (request: { params: unknown }): Promise<Reply> => {
    questions.push(z.object({ message: z.string() }).parse(request.params).message);
    if (reply === undefined) throw new Error('asked a client that cannot ask');
    return reply;
  };
  const start = (cwd: string) => ({ command: process.execPath, args: [MAIN, ...words], cwd, stderr: 'inherit' as const });
  const sent = ({ token }: Served) =>
    token === undefined ? {} : { requestInit: { headers: { authorization: `Bearer ${token}` } } };
  const options = {
    timeout: 60_000,
    onprogress: ({ message }: { message?: string | undefined }) => void progress.push(message ?? ''),
  };
  if (era === '2025') {
    const client = new Client({ name: 'client 2025', version: '1' }, { capabilities });
    if (reply) client.setRequestHandler(ElicitRequestSchema, answer);
    await client.connect(
      typeof to === 'string' ? new StdioClientTransport(start(to)) : new StreamableHTTPClientTransport(new URL(to.url), sent(to)),
    );
    return {
      call: async (name, args = {}) => result.parse(await client.callTool({ name, arguments: args }, undefined, options)),
      list: async () => (await client.listTools()).tools,
      questions,
      progress,
      close: () => client.close(),
    };
  }
  const client = new ModernClient({ name: 'client 2026', version: '1' }, { versionNegotiation: { mode: 'auto' }, capabilities });
  if (reply) client.setRequestHandler('elicitation/create', answer);
  await client.connect(typeof to === 'string' ? new ModernTransport(start(to)) : new ModernHttp(new URL(to.url), sent(to)));
  return {
    call: async (name, args = {}) => result.parse(await client.callTool({ name, arguments: args }, options)),
    list: async () =>
      (await client.listTools()).tools.map(({ name, inputSchema, outputSchema }) => ({ name, inputSchema, outputSchema })),
    questions,
    progress,
    close: () => client.close(),
  };
}

export function textOf(one: Result): string {
  return one.content.map(({ text }) => text).join('\n');
}
