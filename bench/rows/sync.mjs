import { mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { USER } from '../../test/clusters/own-slurm.mjs';
import { ownSshd } from '../../test/clusters/own-sshd.mjs';
import { run } from '../processes.mjs';

/** Results that are fetched over a real sshd from a site that has its own files. Without root there is none, and no rows. */
export async function syncRows({ main, inside, folder, counts }) {
  if (process.getuid?.() !== 0) {
    process.stderr.write('bench: no rows for what is fetched: starting an sshd needs root\n');
    return [];
  }
  const there = realpathSync(mkdtempSync('/tmp/autolab-bench-there-'));
  let sshd;
  try {
    sshd = await ownSshd('/tmp/autolab-bench-sshd-');
    await run('chown', [`${USER}:`, there]);
    const { state, port, config } = sshd;
    const { syncs, cuts, megabytes } = counts;
    const words = JSON.stringify({
      main,
      folder: join(folder, 'sync'),
      there,
      sshd: { state, port, config },
      syncs,
      cuts,
      megabytes,
    });
    return rowsOf(JSON.parse(await run(process.execPath, [inside('sync'), words])), megabytes);
  } finally {
    await sshd?.close();
    rmSync(there, { recursive: true, force: true, maxRetries: 5 });
  }
}

const STEPS = { first: 'first copy', same: 'nothing has changed', one: 'one file has changed' };
const RAW = { plain: 'rsync -a', sums: 'rsync -ac' };

function rowsOf({ steps, resent }, megabytes) {
  const group = `Results of ${megabytes} MiB fetched over ssh`;
  const because =
    'rsync alone believes what it has copied: ours lists the files there, has them copied by rsync as work that outlives the call, has both sides ' +
    'make checksums of all of them afterwards, looks at the code that ran there, and only then puts them into their places.';
  const times = Object.entries(STEPS).flatMap(([step, told]) =>
    Object.entries(RAW).map(([side, name]) => ({
      group,
      what: `sync_artifacts: ${told}`,
      unit: 'ms',
      ours: steps[step].ours,
      against: { name, values: steps[step][side] },
      compare: 'ratio',
      budget: { of: 'ratio', most: 1.1 },
      because,
    })),
  );
  return [
    ...times,
    ...Object.entries(RAW).map(([side, name]) => ({
      group,
      what: 'cut off at half and called again: what comes over the line then',
      unit: 'MB',
      ours: resent.ours,
      against: { name, values: resent[side] },
      compare: 'ratio',
      remark:
        'What comes over the line is counted on the line, everything else of the call with it. rsync by hand begins a file that was cut off anew.',
    })),
  ];
}
