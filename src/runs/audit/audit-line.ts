import * as z from 'zod';
import { canonical, sha256 } from '../../base/digest.ts';
import { instant } from '../../base/ids.ts';
import { cap, clean, redact } from '../../base/text.ts';

/** Arguments and words in a line are capped, so that one read of the tail nearly always fetches a whole line. */
const FIELD_LIMIT = 2000;

/** One rule's word as a decision had it. `at` is file:line; `layer` the policy's layer. */
export type AuditReason = {
  rule: string;
  verdict: string;
  layer: string;
  at: string;
  limit?: string;
  actual?: string;
  because: string;
  quoted?: string;
};

/** Which line of the log. */
export type AuditRef = { n: number; hash: string };

const KINDS = ['decision', 'effect', 'refusal', 'approval', 'recovery', 'command'] as const;
export type AuditEntry = {
  kind: (typeof KINDS)[number];
  tool: string;
  caller: { surface: string; client: string; uid: number; host: string; token?: string };
  verdict?: string;
  /** The rules that gave the verdict, each with its place. */
  rules?: string[];
  /** Of a decision: every rule that did not allow, and the names of those that did where others did not. */
  reasons?: AuditReason[];
  allowed?: string[];
  /** How many more did not allow and are not in the line. */
  omitted?: number;
  /** The version of the policy it was decided under, and the site it is about. */
  policy?: string;
  site?: string;
  digest?: string;
  run?: string;
  approval?: string;
  /** Of a call that an envelope answered: what it took of it, at worst. */
  cost?: { cpu_hours: number; gpu_hours: number };
  /** Of an effect: the number of the decision it carried out. */
  decision?: number;
  /** Of a command of ours: when it began, by its line, and once it is known when it ended. */
  command?: AuditCommand;
  input?: string;
  detail?: string;
};
/** `work` names one execution; `limit` is how long it may take, in seconds; the times are epoch seconds of this machine. */
export type AuditCommand = { work: string; limit: number; began?: number; ended?: number };

export const line = z.looseObject({ v: z.literal(1), n: z.number().int(), at: z.string(), prev: z.string(), hash: z.string() });
export type Line = z.output<typeof line>;

/** Whether it is one, as the schema above has it: of a hundred thousand a schema takes longer than their hashes do. */
export function isLine(json: unknown): json is Line {
  if (typeof json !== 'object' || json === null || Array.isArray(json)) return false;
  const { v, n, at, prev, hash } = json as Record<keyof Line, unknown>;
  return v === 1 && Number.isSafeInteger(n) && [at, prev, hash].every((one) => typeof one === 'string');
}

const reason = z.object({
  rule: z.string(),
  verdict: z.string(),
  layer: z.string(),
  at: z.string(),
  limit: z.string().optional(),
  actual: z.string().optional(),
  because: z.string(),
  quoted: z.string().optional(),
});
const command = z.object({
  work: z.string(),
  limit: z.number(),
  began: z.number().optional(),
  ended: z.number().optional(),
});
export const told = line.extend({
  kind: z.string().default('unknown'),
  tool: z.string().default('unknown'),
  caller: z
    .object({ surface: z.string(), client: z.string(), uid: z.number(), host: z.string(), token: z.string().optional() })
    .optional(),
  verdict: z.string().optional(),
  rules: z.array(z.string()).default([]),
  reasons: z.array(reason).optional().catch(undefined),
  allowed: z.array(z.string()).optional().catch(undefined),
  omitted: z.number().optional().catch(undefined),
  policy: z.string().optional().catch(undefined),
  site: z.string().optional().catch(undefined),
  digest: z.string().optional(),
  run: z.string().optional(),
  approval: z.string().optional(),
  cost: z.object({ cpu_hours: z.number(), gpu_hours: z.number() }).optional(),
  decision: z.number().optional().catch(undefined),
  command: command.optional().catch(undefined),
  detail: z.string().optional(),
});
/** A line as it can be told, whether the log holds or not: its words are data. */
export type AuditLine = z.output<typeof told>;

/** The line that follows `last`: redacted and capped, then hashed. */
export function sealed(last: AuditRef, entry: AuditEntry): Line {
  const safe = JSON.parse(
    JSON.stringify(entry, (_key, value: unknown) => (typeof value === 'string' ? cap(redact(clean(value)), FIELD_LIMIT) : value)),
  ) as AuditEntry;
  const body = { v: 1 as const, n: last.n + 1, at: instant(), prev: last.hash, ...safe };
  return { ...body, hash: hashOf(body) };
}

export function hashOf(body: object): string {
  return sha256(canonical(body, 'hash'));
}
