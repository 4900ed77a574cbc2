import { existsSync, rmSync } from 'node:fs';
import { residentMegabytes, until } from '../processes.mjs';
import { writeManifest } from '../repository.mjs';
import { interleave, timed } from '../stats.mjs';
import { connect } from '../wire.mjs';

const GROUP = 'A call of a tool that reads';

/** Round trips over stdio to servers that have been warmed up, ours and the no-op, call by call in turn. */
export async function callRows({ main, noop, repository, began, counts }) {
  const { runs } = counts;
  const manifest = writeManifest(repository, 1);
  const ours = await connect([main, 'serve'], { cwd: repository.path });
  const theirs = await connect([noop], { cwd: repository.path });
  try {
    await ours.call('append_ledger', { manifest });
    for (let made = 0; made < runs; made++) await ours.call('submit_run', { again: made > 0 });
    await until('the runs have begun', () => existsSync(began) || undefined);
    const { result } = await ours.call('verify_ledger', { manifest });
    const { total } = await ours.call('list_runs');
    if (result !== 'pass' || total !== runs) throw new Error(`verify_ledger: ${result}; list_runs: ${total} of ${runs} runs`);
    const memory = { ours: [], noop: [] };
    const seen = await interleave(
      counts.calls,
      {
        verify: () => timed(() => ours.call('verify_ledger', { manifest })),
        list: () => timed(() => ours.call('list_runs')),
        noop: () => timed(() => theirs.call('noop')),
      },
      counts.warmCalls,
    );
    memory.ours.push(residentMegabytes(ours.pid));
    memory.noop.push(residentMegabytes(theirs.pid));
    const against = { name: 'no-op call', values: seen.noop };
    const common = {
      group: GROUP,
      unit: 'ms',
      against,
      compare: 'difference',
      budget: { of: 'difference', most: 2 },
      because: WHY,
    };
    const made = 2 * (counts.calls + counts.warmCalls) + 3;
    return [
      { ...common, what: 'verify_ledger', ours: seen.verify },
      { ...common, what: `list_runs, ${runs} runs`, ours: seen.list },
      {
        group: 'Start of the server',
        what: `resident memory after ${made} calls`,
        unit: 'MB',
        ours: memory.ours,
        against: { name: 'no-op server', values: memory.noop },
        compare: 'ratio',
      },
    ];
  } finally {
    await ours.close();
    await theirs.close();
    await repository.reset();
    rmSync(began, { force: true });
  }
}

const WHY = 'every call looks at the files it answers from anew, since they may have changed.';
