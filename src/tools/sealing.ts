import { hostname } from 'node:os';
import { Failure } from '../base/errors.ts';
import type { Reads } from '../context.ts';
import { loadPolicy, POLICY_FILE } from '../policies/load.ts';
import type { Seal } from '../policies/seal.ts';
import { makeSeal, readSeal, writeSeal } from '../policies/seal.ts';
import type { Tool } from './tool.ts';

/** A seal of everything the policy covers as it is now, by whoever sits at this terminal. */
export function sealOf(reads: Reads, commit: string | null = null): Seal {
  return makeSeal(reads.repo, reads.presets, reads.policy(), sealer(reads), commit);
}

/** After a preset was applied: the policy and its preset are sealed as they are now, everything else stays as it was sealed. */
export function renewSeal(reads: Reads): void {
  const seal = readSeal(reads.sealFile);
  if (!seal) return;
  const policy = loadPolicy(reads.repo, reads.presets);
  const kept = { seal, anew: [POLICY_FILE, `package:presets/${policy.preset}.yaml`] };
  writeSeal(reads.sealFile, makeSeal(reads.repo, reads.presets, policy, sealer(reads), seal.commit ?? null, kept));
}

/** Goes on only where a person has typed yes to exactly this: a digest, or another word of the operation's. */
export function mustBeConfirmed(tool: Pick<Tool, 'command'>, reads: Reads, bound: string, what = 'files are'): void {
  const { answer } = reads.caller;
  const command = `autolab-mcp ${tool.command.join(' ')}`;
  if (!answer?.granted)
    throw new Failure('approval_unusable', {
      what: `${tool.command.join(' ')} was not confirmed`,
      why: 'nobody answered on a terminal',
      next: `run \`${command}\` in a terminal`,
    });
  if (answer.approval !== bound)
    throw new Failure('approval_unusable', {
      what: `${tool.command.join(' ')} was not done`,
      why: `${what} not as they were when they were shown`,
      next: `run \`${command}\` and look at what it shows`,
    });
}

function sealer({ user, caller }: Reads): string {
  return `${user}@${caller.host || hostname()}`;
}
