import { join } from 'node:path';
import type { Reads } from '../context.ts';
import { decide } from '../policies/decide.ts';
import type { Design } from '../runs/design.ts';
import type { ParserCall } from '../runs/parser.ts';
import { parserCall } from '../runs/parser.ts';

/** The parser of a run, from its design; a malformed one is the failure `file_invalid`. */
export function parserOf(reads: Reads, design: Design, iterationFolder: string, iterationId: string, runId: string): ParserCall {
  const named = reads.policy().autolab.python_bin;
  const python = typeof named === 'string' && named.trim() !== '' ? named : 'python3';
  const values = {
    run_id: runId,
    iteration_id: iterationId,
    iteration_path: iterationFolder,
    run_dir: join(iterationFolder, 'runs', runId),
    repo_root: reads.repo,
  };
  return parserCall(design, values, python);
}

/** Said before compute is spent: that the policy will not let the results be parsed. Null where it will. */
export function parserWarning(reads: Reads, design: Design, iterationFolder: string, iterationId: string): string | null {
  const { listed } = parserOf(reads, design, iterationFolder, iterationId, 'run');
  const facts = { acts: ['run_command' as const], subject: null, summary: '', commands: [listed] };
  if (decide(reads.policy(), facts, 'look').verdict !== 'deny') return null;
  return `The policy does not allow the parser: extract_results will be refused until a person adds ${JSON.stringify(listed)} to gate.allow.commands.`;
}
