import { join } from 'node:path';
import type { Reads } from '../context.ts';
import { decide } from '../policies/decide.ts';
import type { Design } from '../runs/autolab/design.ts';
import type { ParserCall, ParserValues } from '../runs/results/parser.ts';
import { parserCall } from '../runs/results/parser.ts';
import type { Run } from '../runs/run.ts';

/** The parser of a run, from its design; a malformed one is the failure `file_invalid`. */
export function parserOf(reads: Reads, design: Design, iterationFolder: string, iterationId: string, runId: string): ParserCall {
  const named = reads.policy().autolab.python_bin;
  const python = typeof named === 'string' && named.trim() !== '' ? named : 'python3';
  const values = parserValues(reads, iterationFolder, iterationId, runId);
  return parserCall(design, values, python);
}

/** What words of a command may stand for. */
export function parserValues(reads: Reads, iterationFolder: string, iterationId: string, runId: string): ParserValues {
  return {
    run_id: runId,
    iteration_id: iterationId,
    iteration_path: iterationFolder,
    run_dir: join(iterationFolder, 'runs', runId),
    repo_root: reads.repo,
  };
}

/** Said before compute is spent: that the policy will not let the results be parsed. Null where it will. */
export function parserWarning(reads: Reads, design: Design, iterationFolder: string, iterationId: string): string | null {
  const { listed } = parserOf(reads, design, iterationFolder, iterationId, 'run');
  const facts = { acts: ['run_command' as const], subject: null, summary: '', commands: [listed] };
  if (decide(reads.policy(), facts, 'look').verdict !== 'deny') return null;
  return `The policy does not allow the parser: extract_results will be refused until a person adds ${JSON.stringify(listed)} to gate.allow.commands.`;
}

/** What programs that judge or read a run get besides the account's own environment. */
export function workEnvironment(run: Run): Record<string, string> {
  const group = run.replicates ? { AUTOLAB_RUN_GROUP: run.replicates.map(({ id }) => id).join(' ') } : {};
  const ids = { RUN_ID: run.id, AUTOLAB_RUN_ID: run.id, AUTOLAB_ITERATION_ID: run.plan.iteration.id };
  return { ...ids, ...group, ...run.plan.environment.set };
}
