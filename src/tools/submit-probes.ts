import { join } from 'node:path';
import { digest } from '../base/digest.ts';
import type { Permit } from '../base/permit.ts';
import { quote } from '../base/text.ts';
import type { Acts } from '../context.ts';
import type { ProbeReport } from '../policies/types.ts';
import type { PlanStep } from '../runs/launch/plan.ts';
import { jobOf, planDigest } from '../runs/launch/plan.ts';
import type { SubmitFacts } from './submit-facts.ts';
import { Running } from './tool.ts';

/** How long one preflight command may take, and how long a call waits for it before it says "running". Seconds. */
const PREFLIGHT_LIMIT = 900;
const PATIENCE = 15;

/** The scheduler's own test of the job, and the preflight commands of launch.yaml, each as a job of its own that outlives this call. */
export async function runProbes(acts: Acts, facts: SubmitFacts, permit: Permit<'run'>): Promise<ProbeReport[] | Running> {
  const { planned } = facts;
  const reports: ProbeReport[] = [];
  for (const step of planned.plan.steps) reports.push(await schedulerTest(acts, facts, step));
  const end = Date.now() + PATIENCE * 1000;
  for (const [at, argv] of planned.plan.preflight.entries()) {
    const [program, ...rest] = argv;
    if (program === undefined) continue;
    const request = {
      key: `preflight.${digest({ argv, plan: planDigest(planned.plan) }).slice(0, 24)}`,
      argv: [program, ...rest] as [string, ...string[]],
      cwd: planned.iteration.path,
      environment: { AUTOLAB_ITERATION_ID: planned.iteration.id },
      timeoutSeconds: PREFLIGHT_LIMIT,
      reuse: 'success' as const,
    };
    const result = await acts.work.run(permit, digest(facts.subject), request, Math.max(0, end - Date.now()));
    if (!result) return new Running(`preflight ${at + 1} of ${planned.plan.preflight.length}: ${argv.join(' ')}`);
    const ok = result.exit === 0;
    reports.push({
      name: `preflight ${at + 1}`,
      argv,
      ok,
      detail: ok ? 'exit code 0' : result.timedOut ? `not done after ${PREFLIGHT_LIMIT} s` : `exit code ${result.exit}`,
      ...(ok ? {} : { quoted: quote((result.stderr || result.stdout).trim(), 900) }),
    });
  }
  return reports;
}

async function schedulerTest(acts: Acts, { planned }: SubmitFacts, step: PlanStep): Promise<ProbeReport> {
  const { plan, iteration } = planned;
  const job = jobOf(
    plan,
    step,
    'al_test',
    'test',
    { script: join(iteration.path, step.script.path), cwd: iteration.path, logs: iteration.path },
    {},
    acts.version,
  );
  const findings = await acts.site(plan.site).test(job);
  const errors = findings.filter((finding) => finding.severity === 'error');
  const words = errors.flatMap(({ quoted }) => (quoted ? [quote(quoted, 200)] : []));
  return {
    name: `test by the scheduler of ${plan.site}${plan.steps.length > 1 ? ` of step ${step.name}` : ''}`,
    argv: [],
    ok: errors.length === 0,
    detail: errors.length === 0 ? 'it would take the job' : errors.map(({ what }) => what).join('; '),
    ...(words.length > 0 ? { quoted: words.join('; ') } : {}),
  };
}
