// What is fetched from a site that has its own files, over a real sshd, against rsync by hand. Prints one JSON object.
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { startLink } from '../../test/support/link.ts';
import { run } from '../processes.mjs';
import { makeRepository } from '../repository.mjs';
import { timed } from '../stats.mjs';
import { connect } from '../wire.mjs';

const { main, folder, there, sshd, syncs, cuts, megabytes } = JSON.parse(process.argv[2]);
const FILES = 8;
const BYTES = Math.floor((megabytes * 2 ** 20) / FILES);
/** What is expected is never there, so that every call fetches what is there, and looks at it. */
const LAUNCH = 'artifacts: { expect: [{ file: "data/never" }] }\n';
const SCRIPT = `#!/bin/sh
#SBATCH --time=00:01:00
mkdir -p "runs/$AUTOLAB_RUN_ID/data"
for n in $(seq ${FILES}); do head -c ${BYTES} /dev/urandom >"runs/$AUTOLAB_RUN_ID/data/$n.bin"; done
`;

mkdirSync(folder, { recursive: true });
const link = await startLink(sshd.port);
const lineConfig = join(folder, 'line-config');
const onLine = (text) => text.replaceAll(`:${sshd.port} `, `:${link.port} `);
writeFileSync(join(folder, 'known'), onLine(readFileSync(join(sshd.state, 'known_hosts'), 'utf8')));
writeFileSync(
  lineConfig,
  readFileSync(sshd.config, 'utf8')
    .replace(/Port .*/, `Port ${link.port}`)
    .replace(/UserKnownHostsFile .*/, `UserKnownHostsFile ${join(folder, 'known')}`),
);
const site = (config, name) =>
  `{ scheduler: local, transport: { ssh: { host: lab, config: "${config}" } }, root: "${join(there, name)}" }`;
const SITES = `schema_version: "1"\nsites: { local: ${site(sshd.config, 'direct')}, line: ${site(lineConfig, 'line')} }\n`;

const repository = await makeRepository(main, join(folder, 'repository'), SCRIPT, 'local', { sites: SITES, launch: LAUNCH });
const server = await connect([main, 'serve'], { cwd: repository.path });
const runThere = (name, id) => join(there, name, 'experiments', 'plan', 'bench', 'runs', id);
const dataOf = (path) => readdirSync(join(path, 'data')).length;

/** A run at a site, until it is over there. */
async function finished(words) {
  const { run_id: id } = await server.call('submit_run', { again: true, ...words });
  while (!(await server.call('monitor_runs', {})).all_over) await new Promise((done) => setTimeout(done, 200));
  return id;
}

/** Until it has looked at everything; a call that was cut off, or that has been waited for long enough, is made again. */
async function ours(id, isCut = false) {
  for (;;) {
    const answer = await server.call('sync_artifacts', { run_id: id }).catch((error) => error);
    if (answer.missing?.some((one) => one.includes('never'))) return;
    if (isCut || !/running|call again/.test(answer.message)) throw answer.missing ? new Error(answer.missing.join('; ')) : answer;
  }
}

function byHand(config, socket) {
  const words = [
    'ssh',
    '-F',
    config,
    '-o',
    'BatchMode=yes',
    '-o',
    'ControlMaster=auto',
    '-o',
    `ControlPath=${join(folder, socket)}`,
  ];
  return {
    copy: (flag, from, to) =>
      run('rsync', [flag, '-e', [...words, '-o', 'ControlPersist=60'].join(' '), `lab:${from}/`, `${to}/`]),
    close: () => run('ssh', [...words.slice(1), '-O', 'exit', 'lab']).catch(() => undefined),
  };
}

const FLAGS = { plain: '-a', sums: '-ac' };

/** Each run is fetched by all three: at first, again, and after one of its files has changed there. The order turns. */
async function steps() {
  const hand = byHand(sshd.config, 'direct');
  const result = Object.fromEntries(['first', 'same', 'one'].map((step) => [step, { ours: [], plain: [], sums: [] }]));
  const sides = ['ours', 'plain', 'sums'];
  try {
    for (let round = -1; round < syncs; round++) {
      const id = await finished({});
      const from = runThere('direct', id);
      for (const [step, times] of Object.entries(result)) {
        if (step === 'one') await run('sh', ['-c', `head -c ${BYTES} /dev/urandom >"$1"`, 'sh', join(from, 'data', '1.bin')]);
        for (let turn = 0; turn < sides.length; turn++) {
          const side = sides[(turn + round + 1) % sides.length];
          const to = join(folder, side);
          const ms = await timed(() => (side === 'ours' ? ours(id) : hand.copy(FLAGS[side], from, to)));
          if (round >= 0) times[side].push(ms);
          const path = side === 'ours' ? join(repository.iteration, 'runs', id) : to;
          if (dataOf(path) !== FILES) throw new Error(`${side} has ${dataOf(path)} of ${FILES} files`);
        }
      }
      for (const path of [
        join(folder, 'plain'),
        join(folder, 'sums'),
        join(from, 'data'),
        join(repository.iteration, 'runs', id, 'data'),
      ])
        rmSync(path, { recursive: true, force: true });
    }
  } finally {
    await hand.close();
  }
  return result;
}

/** How much comes over the line, in MB, when what was cut off at half is done again. */
async function resent() {
  const hand = byHand(lineConfig, 'line');
  const result = { ours: [], plain: [], sums: [] };
  try {
    for (let round = 0; round < cuts; round++) {
      const id = await finished({ site: 'line' });
      for (const side of Object.keys(result)) {
        const to = join(folder, side);
        const work = (isCut) => (side === 'ours' ? ours(id, isCut) : hand.copy(FLAGS[side], runThere('line', id), to));
        if (side !== 'ours') await hand.copy('--list-only', runThere('line', id), to);
        link.cutAfter((megabytes / 2) * 2 ** 20);
        const isWhole = await work(true).then(
          () => true,
          () => false,
        );
        link.cutAfter(Number.POSITIVE_INFINITY);
        if (isWhole) throw new Error(`${side} was not cut off`);
        link.forget();
        await work(false);
        result[side].push(link.heard() / 1e6);
        rmSync(to, { recursive: true, force: true });
      }
    }
  } finally {
    await hand.close();
  }
  return result;
}

try {
  console.log(JSON.stringify({ steps: await steps(), resent: await resent() }));
} finally {
  await server.close();
  await link.close();
  repository.remove();
  rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
}
