import * as z from 'zod';
import { digest } from '../base/digest.ts';
import type { Failure } from '../base/errors.ts';
import { asFailure, isOfOurs } from '../base/errors.ts';
import { known } from '../base/fact.ts';
import type { Effect } from '../base/permit.ts';
import { Permit } from '../base/permit.ts';
import type { Acts, Context } from '../context.ts';
import { explainDecision } from '../policies/explain.ts';
import type { Decision, Facts } from '../policies/types.ts';
import type { AuditRef } from '../runs/audit/audit.ts';
import type { Recovered } from '../runs/submission/recovery.ts';
import { runningOutcome, withFound, withoutSecrets, withWords } from './answers.ts';
import { ask, consume } from './asking.ts';
import { audit, entry, who } from './audit-lines.ts';
import { judge } from './judging.ts';
import { amongAll, underLock } from './locks.ts';
import { finishCutOff } from './recovery.ts';
import { refuse } from './refuse.ts';
import { parse, refuseOthers, toolNamed } from './requests.ts';
import type { Caller, Granted, Outcome, Tool } from './tool.ts';
import { Running } from './tool.ts';

/**
 * The gate: every operation, from every surface, passes here and nowhere else. Parses, looks, decides, probes, decides again, asks,
 * looks a last time under the lock, and only then acts. Never throws: whatever happens is an outcome in words.
 */
export async function callTool(name: string, raw: unknown, caller: Caller, context: Context): Promise<Outcome> {
  return withoutSecrets(await attempt(name, raw, caller, context, 0));
}

async function attempt(name: string, raw: unknown, caller: Caller, context: Context, depth: number): Promise<Outcome> {
  const found: Recovered[] = [];
  const outcome = await route(name, raw, caller, context, depth, found).catch((error) =>
    refuse(name, raw, asFailure(error), caller, context),
  );
  return withFound(outcome, found);
}

async function route(
  name: string,
  raw: unknown,
  caller: Caller,
  context: Context,
  depth: number,
  found: Recovered[],
): Promise<Outcome> {
  const tool = toolNamed(name, caller);
  refuseOthers(tool, caller);
  const input = parse(tool, raw);
  const here = () => context.acts(caller, (other, its) => look(other, its, caller, context), name);
  if (tool.stops) {
    const holds = await tool.stops(input, await here(), Permit.issue('write', digest('stop')));
    const failing = (error: unknown) => refuse(name, raw, asFailure(error), caller, context);
    const outcome = await here()
      .then((acts) => gate(tool, input, acts, context, caller))
      .catch(failing);
    return outcome.kind === 'done' ? outcome : withWords(outcome, holds);
  }
  const acts = await here();
  const isDry = input.dry_run === true || tool.looks?.(input) === true;
  if (tool.effect !== 'read' && !isDry && context.initialised())
    found.push(...(await finishCutOff(acts, context, caller, name, Permit.issue('write', digest('recovery')))));
  if (depth > 2) throw new Error(`${name} routes in a circle`);
  if (tool.next) return forward(tool, input, acts, context, caller, depth);
  const settled = await tool.settled?.(input, acts);
  if (settled) return done(tool, settled, []);
  return gate(tool, input, acts, context, caller);
}

/** A router's call is the call it goes on with; it learns what came of it, and what it does about that cannot undo it in words. */
async function forward(
  tool: Tool,
  input: Record<string, unknown>,
  acts: Acts,
  context: Context,
  caller: Caller,
  depth: number,
): Promise<Outcome> {
  const next = async () => {
    const go = await tool.next?.(input, acts);
    if (!go) throw new Error(`${tool.name} is no router`);
    return go;
  };
  const outcome = await next().then(
    (go) => attempt(go.tool, go.input, caller, context, depth + 1),
    (error) => refuse(tool.name, input, asFailure(error), caller, context),
  );
  try {
    return (await tool.after?.(outcome, acts)) ?? outcome;
  } catch (error) {
    return withWords(outcome, `(and this could not be written down: ${asFailure(error).message})`);
  }
}

async function gate(tool: Tool, input: Record<string, unknown>, acts: Acts, context: Context, caller: Caller): Promise<Outcome> {
  const facts = await tool.facts(input, acts);
  const looked = judge(tool, acts, facts, 'look');
  const preview = await tool.preview?.(input, acts, facts, looked);
  if (preview) return done(tool, preview, []);
  if (tool.effect === 'read')
    return done(
      tool,
      tool.output.parse(await tool.handle(input, acts, Permit.issue<Effect>('read', digest(facts.subject)), undefined)) as Record<
        string,
        unknown
      >,
      [],
    );
  if (looked.verdict === 'deny') return deny(tool, looked, facts, context, caller);
  const probed = await probe(tool, input, acts, facts);
  if (probed instanceof Running) return runningOutcome(probed);
  const decision = judge(tool, acts, probed, 'probe');
  if (decision.verdict === 'deny') return deny(tool, decision, probed, context, caller);
  // A person at a terminal is who would be asked.
  if (decision.verdict === 'ask' && tool.audience !== 'person') {
    const waiting = await ask(tool, acts, probed, decision, context, caller);
    if (waiting) return waiting;
  }
  return act(tool, input, acts, probed, context, caller);
}

/** Runs what judges the plan beforehand. Tools without probes have nothing to wait for. */
async function probe(tool: Tool, input: Record<string, unknown>, acts: Acts, facts: Facts): Promise<Facts | Running> {
  if (!tool.probe) return facts;
  const reports = await tool.probe(input, acts, facts, Permit.issue('run', digest(facts.subject)));
  return reports instanceof Running ? reports : { ...facts, probes: known(reports) };
}

/** The last look, the last decision and the reservation happen under the locks; then the act, which nothing may undo in words. */
async function act(
  tool: Tool,
  input: Record<string, unknown>,
  acts: Acts,
  before: Facts,
  context: Context,
  caller: Caller,
): Promise<Outcome> {
  const settled = await lastLook(tool, input, before, acts, context, caller);
  if (!('permit' in settled)) {
    if ('failure' in settled && isOfOurs(settled.failure)) throw settled.failure;
    // Two may have been on the way to the same: what the other has done is then the answer.
    const meanwhile = await tool.settled?.(input, acts);
    if (meanwhile) return done(tool, meanwhile, []);
    if ('failure' in settled) throw settled.failure;
    return settled.outcome;
  }
  const result = await tool.handle(input, acts, settled.permit, settled.reserved);
  if (result instanceof Running) return runningOutcome(result);
  return finish(tool, result, context, caller, acts.beside, settled.line);
}

type Settled = { outcome: Outcome } | { permit: Permit<Effect>; line: AuditRef | undefined; reserved: unknown };

async function lastLook(
  tool: Tool,
  input: Record<string, unknown>,
  before: Facts,
  acts: Acts,
  context: Context,
  caller: Caller,
): Promise<Settled | { failure: Failure }> {
  try {
    return await underLock(tool, context, async () => {
      const fresh = await context.acts(caller, acts.look, tool.name);
      const looked: Facts = { ...(await tool.facts(input, fresh)), ...(before.probes ? { probes: before.probes } : {}) };
      return amongAll(tool, context, () => settle(tool, input, fresh, tool.recount?.(fresh, looked) ?? looked, context, caller));
    });
  } catch (error) {
    return { failure: asFailure(error) };
  }
}

async function settle(
  tool: Tool,
  input: Record<string, unknown>,
  acts: Acts,
  facts: Facts,
  context: Context,
  caller: Caller,
): Promise<Settled> {
  const decision = judge(tool, acts, facts, 'act');
  if (decision.verdict === 'deny') return { outcome: await deny(tool, decision, facts, context, caller) };
  const used = tool.audience === 'person' ? null : await consume(tool, acts, facts, decision);
  const approval = used?.approval ?? null;
  const line = tool.repairs === 'audit' ? undefined : await audit(context, entry(tool, caller, decision, facts, used ?? {}));
  const permit = Permit.issue<Effect>(tool.effect, digest(facts.subject));
  const granted = { decision, approval, line: line ?? null } satisfies Granted;
  return { permit, line, reserved: await tool.reserve?.(input, acts, permit, facts, granted) };
}

/** After the act nothing may turn done into failed: an answer that does not parse or cannot be logged is told beside it. */
async function finish(
  tool: Tool,
  result: unknown,
  context: Context,
  caller: Caller,
  beside: readonly string[],
  decided?: AuditRef,
): Promise<Outcome> {
  const faults = [...beside];
  const parsed = tool.output.safeParse(result);
  if (!parsed.success) faults.push(`internal fault: the answer does not satisfy its schema: ${z.prettifyError(parsed.error)}`);
  const data = (parsed.success ? parsed.data : result) as Record<string, unknown>;
  try {
    const of = {
      ...(typeof data.run_id === 'string' ? { run: data.run_id } : {}),
      ...(decided ? { decision: decided.n } : {}),
    };
    await audit(context, { kind: 'effect', tool: tool.name, caller: who(caller), ...of, detail: tool.text(data) });
  } catch (error) {
    const { message, next } = asFailure(error);
    faults.push(`what was done could not be written to the audit log: ${message}\nnext: ${next}`);
  }
  return done(tool, data, faults);
}

export async function look(
  name: string,
  raw: unknown,
  caller: Caller,
  context: Context,
): Promise<{ facts: Facts; decision: Decision }> {
  const tool = toolNamed(name, caller);
  const input = parse(tool, raw);
  const acts = await context.acts(caller, (other, its) => look(other, its, caller, context), name);
  if (tool.next) {
    const go = await tool.next(input, acts);
    return look(go.tool, go.input, caller, context);
  }
  const facts = await tool.facts(input, acts);
  return { facts, decision: judge(tool, acts, facts, 'look') };
}

function done(tool: Tool, data: Record<string, unknown>, faults: string[]): Outcome {
  return { kind: 'done', data, text: tool.text(data), exit: tool.exit?.(data) ?? 0, faults };
}

async function deny(tool: Tool, decision: Decision, facts: Facts, context: Context, caller: Caller): Promise<Outcome> {
  await audit(context, entry(tool, caller, decision, facts, {}));
  return {
    kind: 'refused',
    decision,
    text: `${tool.name} was refused; nothing was done.\n${explainDecision(decision, 'stopping')}`,
  };
}
