import { expect, test } from 'vitest';
import { Failure } from '../../src/base/errors.ts';
import { Permit } from '../../src/base/permit.ts';
import type { Job, Scheduler } from '../../src/sites/schedulers/scheduler.ts';
import { openSite } from '../../src/sites/site.ts';
import type { Ask, Command, Output, Transport } from '../../src/sites/transports/transport.ts';
import { viewOf } from '../runs/failing.ts';
import { requested } from '../runs/samples.ts';

const OUTPUT: Output = { exit: 0, signal: null, stdout: '', stderr: '', timedOut: false, notStarted: false };
const JOB: Job = {
  name: 'al_x',
  script: '/s',
  cwd: '/',
  stdout: '/o',
  stderr: '/e',
  requested: requested(),
  environment: {},
  after: [],
  comment: '',
};

/** A far end that gives this output to everything, and a scheduler of one word: it reads an id, or refuses where the output says so. */
function siteWith(change: Partial<Output>) {
  const sent: Command[] = [];
  const transport: Transport = {
    name: 'test',
    run: async (command) => {
      sent.push(command);
      return { ...OUTPUT, ...change };
    },
  };
  const read = (output: Output): string => {
    const id = /^id (\d+)$/m.exec(output.stdout)?.[1];
    if (id) return id;
    const code = output.stderr.startsWith('refused') ? 'scheduler_refused' : 'scheduler_answer';
    throw new Failure(code, { what: 'no id', why: output.stderr, next: 'x', quoted: output.stderr });
  };
  const ask = (word: string): Ask<string> => ({ command: { argv: ['batch', word] }, read });
  const as = <T>(word: string, value: T): Ask<T> => ({ ...ask(word), read: () => value });
  const scheduler: Scheduler = {
    name: 'batch',
    options: () => ({ requested: {}, name: null }),
    counted: (requested) => requested,
    submitHeld: () => ask('submit'),
    readBack: () => as('show', requested()),
    release: () => as('release', undefined),
    hold: () => as('hold', ''),
    unhold: () => as('unhold', ''),
    find: (names, user) => as(`find ${names.join(' ')} ${user}`, { rows: [] }),
    poll: (query) => as(`poll ${query.user}`, { at: 1, healthy: true, jobs: [] }),
    history: (user, since) => as(`history ${user} ${since}`, { at: 1, jobs: [], reaches: null }),
    queue: (user) => as(`queue ${user}`, { active: 0, pending: 0 }),
    cancel: () => as('cancel', undefined),
    test: () => as('test', []),
    version: () => ask('version'),
  };
  return { site: openSite('far', scheduler, transport, 'me'), sent };
}
const spend = Permit.issue('spend', 'plan');

test.each<[string, Partial<Output>, object]>([
  ['an id', { stdout: 'id 7\n' }, { accepted: '7' }],
  ['an id counts although the exit code complains', { stdout: 'id 7\n', exit: 1, stderr: 'refused' }, { accepted: '7' }],
  ['and although it took too long', { stdout: 'id 7\n', exit: null, timedOut: true }, { accepted: '7' }],
  [
    'a definite refusal',
    { exit: 1, stderr: 'refused: no account' },
    { refused: 'no id: refused: no account: refused: no account' },
  ],
  [
    'a refusal after the time limit is none',
    { exit: null, timedOut: true, stderr: 'refused' },
    { ambiguous: 'no answer in time' },
  ],
  ['no answer in time', { exit: null, timedOut: true }, { ambiguous: 'no answer in time' }],
  ['killed', { exit: null, signal: 'SIGKILL' }, { ambiguous: 'no id' }],
  ['an empty answer', {}, { ambiguous: 'no id' }],
  [
    'an error that is no refusal',
    { exit: 1, stderr: 'connection lost' },
    { ambiguous: 'no id: connection lost: connection lost' },
  ],
  ['never started', { exit: null, notStarted: true, stderr: 'spawn batch ENOENT' }, { refused: 'spawn batch ENOENT' }],
  ['never started, without words', { exit: null, notStarted: true }, { refused: 'batch cannot be started' }],
])('a submission: %s', async (_what, output, answer) => {
  const { site, sent } = siteWith(output);
  expect(await site.submitHeld(spend, 'plan', JOB)).toEqual(answer);
  expect(sent).toEqual([{ argv: ['batch', 'submit'] }]);
});

test.each([true, false])(
  'a way that is broken refuses no submission, whether or not anything was sent (%s), and stands for every other answer',
  async (notStarted) => {
    const fault = new Failure('site_unreachable', { what: 'the way is broken', next: 'call again' });
    const { site } = siteWith({ exit: null, notStarted, stderr: 'refused', fault });
    expect(await site.submitHeld(spend, 'plan', JOB)).toEqual({ ambiguous: 'the way is broken' });
    await expect(site.version()).rejects.toBe(fault);
    await expect(site.queue()).rejects.toBe(fault);
  },
);

test('a submission without its permit sends nothing', async () => {
  const { site, sent } = siteWith({ stdout: 'id 7\n' });
  await expect(site.submitHeld(spend, 'another plan', JOB)).rejects.toMatchObject({ code: 'permit_mismatch' });
  expect(sent).toEqual([]);
});

test('a program that cannot be started, and one that does not answer', async () => {
  const missing = await siteWith({ exit: null, notStarted: true, stderr: '\u001b[1mENOENT' }).site.version().catch(viewOf);
  expect(missing).toEqual({
    code: 'site_unavailable',
    what: 'batch cannot be started on site far',
    why: 'ENOENT',
    next: 'run `autolab-mcp doctor`',
    retry: false,
  });
  const silent = await siteWith({ exit: null, timedOut: true }).site.version().catch(viewOf);
  expect(silent).toEqual({
    code: 'scheduler_unreachable',
    what: 'batch on site far did not answer within 30 s',
    next: 'call again in a minute; nothing that is running is touched',
    retry: true,
  });
});

test('looks ask for this account’s jobs', async () => {
  const { site, sent } = siteWith({});
  await site.find('al_x', 0);
  await site.findAll(['al_x', 'al_y'], 0);
  await site.poll({ jobs: [], since: 0 });
  await site.queue();
  expect(sent.map((command) => command.argv[1])).toEqual(['find al_x me', 'find al_x al_y me', 'poll me', 'queue me']);
});

test('nothing to cancel and no markers to read ask nobody', async () => {
  const { site, sent } = siteWith({});
  await site.cancel(spend, []);
  expect([await site.markers([]), sent]).toEqual([[], []]);
  await site.cancel(spend, [{ id: '7', name: 'al_x' }]);
  expect(sent).toEqual([{ argv: ['batch', 'cancel'] }]);
});
