import { count } from '../base/text.ts';
import { SITES_FILE } from './init-plan.ts';

/** What the answer of `init` is told from. */
type Told = {
  repository: string;
  made: readonly string[];
  kept: readonly string[];
  preset: { applied: string | null; diff: string };
  sites: { file: string | null };
  found: readonly string[];
  status: 'made' | 'unchanged' | 'dry_run';
  next: string;
};

/** What was made, line by line. */
export function madeLines({ repository, made, kept, preset, sites, status }: Told): string[] {
  const [done, applied] = status === 'dry_run' ? ['to make', 'to apply'] : ['made', 'applied'];
  return [
    `Repository ${repository}`,
    ...made.map((one) => `${done} ${one}`),
    kept.length > 0 ? `kept ${count(kept.length, 'file')} that ${kept.length === 1 ? 'was' : 'were'} there` : '',
    sites.file !== null && made.includes(SITES_FILE) ? `${sites.file} counts no more beside ${SITES_FILE}` : '',
    preset.diff.trimEnd(),
    preset.applied === null ? '' : `${applied} preset ${preset.applied}`,
    status === 'unchanged' ? 'Nothing was changed: all of it was there.' : '',
  ].filter(Boolean);
}

export function initText(out: Told): string {
  return [...madeLines(out), ...out.found, `Next: ${out.next}`].join('\n');
}

/** What comes after `init`; `isLookedAt`: `doctor` has told already what is not right. */
export function nextOf(out: {
  iteration: string;
  focused: string | null;
  is_sample: boolean;
  sites: { site: string | null };
  preset: { now: string | null; proposal: string };
  sealed: boolean;
  isLookedAt?: true;
}): string {
  const { iteration, focused, is_sample: isSample, preset, sites } = out;
  const steps = [
    preset.now === null ? `autolab-mcp policy apply preset ${preset.proposal}` : '',
    out.sealed ? '' : 'read .autolab/verifier_policy.yaml',
    out.sealed ? '' : 'autolab-mcp policy seal',
    out.isLookedAt ? 'autolab-mcp verify' : 'autolab-mcp doctor',
  ];
  return [
    focused !== null && focused !== iteration
      ? `.autolab/state.json stays at iteration ${focused}; set iteration_id there to work on ${iteration}. `
      : '',
    sites.site !== null && !isSample ? `Write \`site: ${sites.site}\` into launch/launch.yaml of what is to run there. ` : '',
    isSample ? `Write experiments/plan/${iteration}/design.yaml, then: ` : '',
    steps.filter(Boolean).join('; '),
  ].join('');
}
