import { appendFileSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, expect, test } from 'vitest';
import { asking } from '../support/asking.ts';
import { makeFar } from '../support/far.ts';
import { until } from '../support/repo.ts';
import type { Tiny } from '../support/tiny.ts';
import { forgetTemplate, makeTiny } from '../support/tiny.ts';

let tiny: Tiny;
afterEach(() => tiny?.remove());
afterAll(forgetTemplate);
const { answered, over } = asking(() => tiny);

type Told = { runs: { run_id: string; state: string; events?: string }[]; sites: { polled: boolean }[]; problems: string[] };
type Listed = { runs: { state: string; events?: { count: number; unreadable: number; last: object | null } }[] };

/** A look that was not too soon after the last one. */
const look = () =>
  until('the site is looked at', async () => {
    const told = await answered<Told>('monitor');
    return told.sites.every(({ polled }) => polled) ? told : undefined;
  });
const at = (...names: string[]) => join(tiny.iteration, ...names);
const launchFile = (path: string, name: string) => join(path, 'experiments', 'plan', 'tiny', 'launch', name);
const files = (launch: string, script: string) => (path: string) => {
  appendFileSync(launchFile(path, 'launch.yaml'), launch);
  writeFileSync(launchFile(path, 'run_local.sh'), `#!/bin/sh\n#SBATCH --time=00:10:00\n${script}`, { mode: 0o755 });
};
const event = (action: string, metrics: object, time = new Date()) =>
  `${JSON.stringify({ event_version: 1, timestamp_utc: time.toISOString(), action, args: { token: SECRET, note: SECRET }, metrics })}\n`;
/** As it stands in an argument and in the name of a figure. */
const SECRET = 'ghp_abcdefghij0123456789ABCDEFGHIJ';

test('a run tells what its event log says while it goes on; an end that stands there is none', async () => {
  const end = `printf '{"timestamp_utc":"%s","action":"run_complete","metrics":{"rows_written":0}}\\n' "$(date -u +%FT%TZ)" >>outputs/data/.events.log || exit 4\n`;
  tiny = await makeTiny(
    files('events: outputs/data/.events.log\n', `until [ -e runs/../go ]; do sleep 0.05; done\n${end}exit 3\n`),
  );
  const log = at('outputs', 'data', '.events.log');
  mkdirSync(at('outputs', 'data'), { recursive: true });
  // Of another run, an hour ago.
  writeFileSync(log, event('materialize', { rows: 5 }, new Date(Date.now() - 3_600_000)));
  const { run_id } = await answered<{ run_id: string }>('submit');
  const said: string[] = [];
  const told = async () => {
    const { runs, problems } = await look();
    said.push(JSON.stringify([runs, problems]));
    return { events: runs[0]?.events, problems };
  };
  const listed = async () => (await answered<Listed>('runs', run_id)).runs[0]?.events;
  await until('it runs', async () => ((await look()).runs[0]?.state === 'running' ? true : undefined));
  expect(await told()).toEqual({ events: '0 events', problems: [] });

  const now = new Date(Math.ceil(Date.now() / 1000) * 1000);
  const next = event('flush', { rows_written: 0 }, now);
  appendFileSync(log, event('densegen_health', { rows: 128, [SECRET]: 7, note: SECRET }, now) + next.slice(0, 40));
  const instant = now.toISOString().replace('.000', '');
  expect((await told()).events).toBe(`1 event, the last ${instant}: densegen_health (rows 128)`);
  expect(await listed()).toEqual({
    count: 1,
    unreadable: 0,
    last: { at: instant, action: 'densegen_health', metrics: { rows: 128 } },
  });
  appendFileSync(log, `${next.slice(40)}no event\n`);
  expect((await told()).events).toBe(`2 events, the last ${instant}: flush (rows_written 0); 1 line unreadable`);

  // What was told already is not told again by a log that was cut short.
  const later = event('flush', { rows_written: 4 }, new Date(now.getTime() + 1000));
  writeFileSync(log, next + later);
  const cut = await told();
  expect(cut.problems).toEqual([
    `${run_id}: its event log was cut short or replaced since the last look, and is read from its beginning`,
  ]);
  expect(cut.events).toMatch(/^3 events, .*rows_written 4/);
  expect((await told()).problems).toEqual([]);
  // How far it was read is no truth: without that it is read again.
  writeFileSync(at('runs', run_id, 'gate', 'events.json'), '{');
  expect((await told()).events).toMatch(/^2 events, .*rows_written 4/);

  renameSync(log, `${log}.was`);
  writeFileSync(join(tiny.path, '..', `${run_id}.log`), event('attach', {}));
  symlinkSync(join(tiny.path, '..', `${run_id}.log`), log);
  expect(await told()).toMatchObject({
    events: expect.stringMatching(/^2 events/),
    problems: [
      `${run_id}: its event log outputs/data/.events.log leads out of the repository and the workspace, and is not read`,
    ],
  });
  rmSync(join(tiny.path, '..', `${run_id}.log`));
  renameSync(`${log}.was`, log);
  writeFileSync(at('go'), '');
  await over();
  const after = await answered<Listed>('runs', run_id);
  expect(after.runs[0]).toMatchObject({ state: 'failed', events: { count: 3, last: { action: 'run_complete' } } });
  expect((await tiny.run(['runs', run_id])).stdout).toMatch(/; 3 events, the last .*: run_complete \(rows_written 0\)/);
  // What is written after its end is another's.
  appendFileSync(log, event('attach', {}, new Date(Date.now() + 60_000)));
  await answered('monitor');
  expect((await listed())?.count).toBe(3);
  const ours = ['gate/events.json', 'gate/journal.jsonl', 'gate/plan.json', 'run_manifest.json'];
  said.push(...ours.map((name) => readFileSync(at('runs', run_id, name), 'utf8')), JSON.stringify(after));
  expect(said.filter((text) => text.includes(SECRET))).toEqual([]);
}, 90_000);

test('where a run writes it in the snapshot that it executes from, it is read there', async () => {
  const write = `mkdir -p outputs; printf '{"timestamp_utc":"%s","action":"attach"}\\n' "$(date -u +%FT%TZ)" >outputs/.events.log\n`;
  tiny = await makeTiny(files('events: outputs/.events.log\n', `${write}until [ -e runs/../go ]; do sleep 0.05; done\n`));
  await answered('submit');
  const told = await until('it has written', async () => {
    const { runs } = await look();
    return runs[0]?.events?.startsWith('1 event') ? runs[0].events : undefined;
  });
  expect(told).toMatch(/: attach$/);
  expect(existsSync(at('outputs'))).toBe(false);
  writeFileSync(at('go'), '');
  await over();
}, 60_000);

test('at a site of its own files the log is read there, whatever is not fetched', async () => {
  const write = `printf '{"timestamp_utc":"%s","action":"attach","metrics":{"rows":3}}\\n' "$(date -u +%FT%TZ)" >"runs/$AUTOLAB_RUN_ID/.events.log"\n`;
  tiny = await makeFar(files('events: "runs/{run_id}/.events.log"\n', write));
  const { run_id } = await answered<{ run_id: string }>('submit');
  await over();
  expect((await answered<Listed>('runs', run_id)).runs[0]?.events).toMatchObject({
    count: 1,
    last: { action: 'attach', metrics: { rows: 3 } },
  });
  expect(existsSync(at('runs', run_id, '.events.log'))).toBe(false);
}, 60_000);
