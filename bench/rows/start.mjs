import { setTimeout as sleep } from 'node:timers/promises';
import { residentMegabytes, run } from '../processes.mjs';
import { interleave, timed } from '../stats.mjs';
import { connect } from '../wire.mjs';

const GROUP = 'Start of the server';
/** How long a server is left alone before it counts as idle. */
const IDLE_MS = 500;

/** From the spawn to the first answers, in both protocols, and the memory of a server that waits. */
export async function startRows({ main, noop, repository, counts }) {
  const begin = (argv, protocol, idle) => async () => {
    const server = await connect(argv, { protocol, cwd: repository.path });
    if (idle) await sleep(IDLE_MS);
    const memory = residentMegabytes(server.pid);
    await server.close();
    return { ...server, memory };
  };
  const ours = [main, 'serve'];
  const seen = await interleave(counts.starts, {
    ours2025: begin(ours, 2025),
    noop2025: begin([noop], 2025),
    ours2026: begin(ours, 2026),
    noop2026: begin([noop], 2026),
    node: () => timed(() => run(process.execPath, ['-e', '0'])),
  });
  const idle = await interleave(counts.idle, { ours: begin(ours, 2025, true), noop: begin([noop], 2025, true) }, 0);
  const row = (what, unit, side, base, key, more) => ({
    group: GROUP,
    what,
    unit,
    ours: side.map((one) => one[key]),
    against: { name: 'no-op server', values: base.map((one) => one[key]) },
    compare: 'ratio',
    ...more,
  });
  const budget = { of: 'ratio', most: 1.25 };
  return [
    row('2025: spawn to the answer of initialize', 'ms', seen.ours2025, seen.noop2025, 'opened', { budget, because: START }),
    row('2025: spawn to the first tools/list', 'ms', seen.ours2025, seen.noop2025, 'listed', { budget, because: LIST }),
    row('2026: spawn to the answer of server/discover', 'ms', seen.ours2026, seen.noop2026, 'opened', { budget, because: START }),
    row('2026: spawn to the first tools/list', 'ms', seen.ours2026, seen.noop2026, 'listed', { budget, because: LIST }),
    {
      group: GROUP,
      what: 'of which the no-op server itself, spawn to tools/list',
      unit: 'ms',
      ours: seen.noop2025.map((one) => one.listed),
      against: { name: 'node -e 0, to its end', values: seen.node },
      compare: 'ratio',
    },
    row('resident memory, idle', 'MB', idle.ours, idle.noop, 'memory', { budget: { of: 'value', most: 90 } }),
  ];
}

const START = 'the handshake is answered before the operations are loaded; what is left is the start of the program itself.';
const LIST =
  'the first list waits for the operations, which load every schema, and for the JSON Schema made of each; the no-op server has one tool.';
