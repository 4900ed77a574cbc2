import type { Reads } from '../context.ts';
import { decide } from '../policies/decide.ts';
import type { Decision, Facts } from '../policies/types.ts';
import { HERE, hasRepository } from './no-repository.ts';
import type { Tool } from './tool.ts';

/** What the policy says of this call by these facts. Where there is no repository only what works anywhere is allowed. */
export function judge(tool: Tool, acts: Reads, facts: Facts, phase: 'look' | 'probe' | 'act'): Decision {
  if (tool.anywhere && !hasRepository(acts)) return { verdict: 'allow', reasons: [HERE], policy_version: 'none' };
  return decide(acts.policy(), facts, phase);
}
