import * as z from 'zod';
import { isKnown } from '../base/fact.ts';
import { instant } from '../base/ids.ts';
import type { Approval } from './approval-record.ts';
import { askedBy } from './approval-record.ts';
import { totalPrice } from './price.ts';
import type { Decision, Facts } from './types.ts';

/** Hours of one CPU and one GPU, at worst. */
export type Cost = { cpu_hours: number; gpu_hours: number };

const hours = z.number().min(0);
const terms = z.strictObject({
  iteration: z.string(),
  site: z.string(),
  submissions: z.number().int().min(1),
  cpu_hours: hours,
  gpu_hours: hours,
  /** What it answers: every other rule that asks, asks a person still. */
  rules: z.array(z.string()).min(1),
  until: z.string(),
});
/** What a person grants once for several calls: so many submissions of one iteration to one site, within a price together, until a time. */
export type Envelope = z.output<typeof terms>;

const subject = z.strictObject({ envelope: terms });

/** The terms of an approval that is an envelope; undefined for one of a single call. */
export function envelopeOf(approval: Pick<Approval, 'tool' | 'subject'>): Envelope | undefined {
  return approval.tool === 'submit_run' ? subject.safeParse(approval.subject).data?.envelope : undefined;
}

/** What the call would take of an envelope; undefined where its price is not known. */
export function costOf({ jobs = [] }: Pick<Facts, 'jobs'>): Cost | undefined {
  const { cpuHours, gpuHours } = totalPrice(jobs);
  return jobs.length > 0 && isKnown(cpuHours) && isKnown(gpuHours)
    ? { cpu_hours: cpuHours.value, gpu_hours: gpuHours.value }
    : undefined;
}

/** Whether the terms, of which these uses are gone, answer everything that is asked of this call. What is not known fits nothing. */
export function fits(
  envelope: Envelope,
  uses: readonly Cost[],
  asked: { decision: Decision } & Pick<Facts, 'iteration' | 'site' | 'jobs'>,
  now: Date,
): boolean {
  const cost = costOf(asked);
  const asking = askedBy(asked.decision);
  return (
    cost !== undefined &&
    asked.iteration === envelope.iteration &&
    isKnown(asked.site) &&
    asked.site.value === envelope.site &&
    instant(now) < envelope.until &&
    asking.length > 0 &&
    asking.every((rule) => envelope.rules.includes(rule)) &&
    uses.length < envelope.submissions &&
    isWithin(sum([...uses, cost]), envelope)
  );
}

/** `2 of 5 submissions, 3.5 of 20 cpu-hours, 0 of 8 gpu-hours used`. */
export function usedWords(envelope: Envelope, uses: readonly Cost[]): string {
  const used = sum(uses);
  const of = (is: number, most: number, unit: string) => `${Math.round(is * 1000) / 1000} of ${most} ${unit}`;
  return `${[
    of(uses.length, envelope.submissions, 'submissions'),
    of(used.cpu_hours, envelope.cpu_hours, 'cpu-hours'),
    of(used.gpu_hours, envelope.gpu_hours, 'gpu-hours'),
  ].join(', ')} used`;
}

/** Thirds of hours do not add up exactly, and nobody is refused for a millionth of a second. */
const ROUNDING = 1e-9;

function isWithin(cost: Cost, most: Cost): boolean {
  return cost.cpu_hours <= most.cpu_hours + ROUNDING && cost.gpu_hours <= most.gpu_hours + ROUNDING;
}

function sum(costs: readonly Cost[]): Cost {
  return {
    cpu_hours: costs.reduce((all, one) => all + one.cpu_hours, 0),
    gpu_hours: costs.reduce((all, one) => all + one.gpu_hours, 0),
  };
}
