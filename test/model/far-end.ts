import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import type { Command, Output, Transport } from '../../src/sites/transports/transport.ts';

export type FarJob = { name: string; spec: string; state: string; seen: boolean; well: boolean };
export type Call = { verb: string; words: readonly string[]; perform(reply: Reply): void; deliver(): void };
export type Reply = 'well' | 'no answer' | 'refused' | 'taken, no answer' | 'taken twice' | 'too long';

const NOTHING: Output = { exit: null, signal: null, stdout: '', stderr: '', timedOut: false, notStarted: false };

/** What speaks like the embedded runner, and does each thing only when it is told to: its jobs are the model's. */
export class FarEnd {
  readonly jobs: FarJob[] = [];
  readonly submitted: { name: string; spec: string }[] = [];
  executions = 0;

  readonly gate: string;

  constructor(gate: string) {
    this.gate = gate;
  }

  /** A transport whose calls are handed over and wait. */
  transport(hand: (call: Call) => void): Transport {
    return {
      name: 'far',
      run: (command: Command) =>
        new Promise<Output>((resolve) => {
          const [, , , verb = '', , ...words] = command.argv;
          let output: Output = NOTHING;
          hand({
            verb,
            words,
            perform: (reply) => {
              output = this.answer(verb, words, reply);
            },
            deliver: () => resolve(output),
          });
        }),
    };
  }

  private answer(verb: string, words: readonly string[], reply: Reply): Output {
    if (verb === 'submit') return this.submit(words, reply);
    if (reply === 'no answer') return { ...NOTHING, timedOut: true };
    if (verb === 'release' && reply === 'well') this.letGo(Number(words[0]) - 1);
    if (verb === 'cancel') for (let at = 0; at < words.length; at += 2) this.cancel(Number(words[at]) - 1);
    return { ...NOTHING, exit: 0, stdout: `${this.told(verb, words)}end\n` };
  }

  private submit(words: readonly string[], reply: Reply): Output {
    const spec = words[1] ?? '';
    const name = /^name=(.*)$/m.exec(spec)?.[1] ?? '';
    this.submitted.push({ name, spec });
    if (reply === 'refused') return { ...NOTHING, exit: 65, stderr: 'no such thing' };
    for (let n = reply === 'taken twice' ? 2 : reply === 'too long' ? 0 : 1; n > 0; n--) this.take(name, spec);
    return reply === 'well' ? { ...NOTHING, exit: 0, stdout: `id ${this.jobs.length}\nend\n` } : { ...NOTHING, timedOut: true };
  }

  take(name: string, spec: string, seen = false): void {
    this.jobs.push({ name, spec, state: 'held', seen, well: false });
  }

  private told(verb: string, words: readonly string[]): string {
    if (verb === 'spec') return `${this.jobs[Number(words[0]) - 1]?.spec}user=${userInfo().username}\nsubmitted=1\n`;
    if (verb !== 'find_name' && verb !== 'poll') return '';
    const isAsked = (job: FarJob, at: number) =>
      job.seen && (verb === 'poll' ? words.includes(String(at + 1)) : words.includes(job.name));
    const rows = this.jobs.map((job, at) => (isAsked(job, at) ? this.rows(job, at + 1) : '')).join('');
    return `clock ${Math.floor(Date.now() / 1000)}\nhost here\n${rows}`;
  }

  private rows(job: FarJob, id: number): string {
    const flags = { held: ['held'], cancelled: ['cancel', 'over'], ended: ['over'] }[job.state] ?? [];
    const lines = flags.map((flag) => `flag ${id} ${flag}\n`).join('');
    const spec = `${job.spec}user=${userInfo().username}\nsubmitted=1`.split('\n').map((line) => `${id}/spec:${line}\n`);
    return lines + spec.join('') + logOf(job, id);
  }

  letGo(at: number): void {
    const job = this.jobs[at];
    if (job?.state === 'held') job.state = 'queued';
  }

  cancel(at: number): void {
    const job = this.jobs[at];
    if (job && job.state !== 'ended') job.state = 'cancelled';
  }

  /** As the job script does: the claim first, then whether the attempt was given up. */
  begin(at: number, what: 'claims' | 'finds the claim taken' | 'was given up' | 'begins' | 'ends well'): void {
    const job = this.jobs[at];
    if (!job) throw new Error(`job ${at} is not there`);
    const [, attempt = ''] = /\.main\.(\d+)\./.exec(job.name) ?? [];
    const claim = join(this.gate, 'claim', `main.0.${attempt}`);
    const isGivenUp = existsSync(join(this.gate, 'given-up', `main.${attempt}`));
    if (what === 'claims') {
      mkdirSync(claim, { recursive: true });
      writeFileSync(join(claim, 'job'), `${at + 1}\n`);
      job.state = 'claimed';
    } else if (what === 'ends well') Object.assign(job, { state: 'ended', well: true });
    else if (what === 'begins' && !isGivenUp) {
      job.state = 'running';
      this.executions++;
    } else if (existsSync(claim)) job.state = 'ended';
  }
}

/** As the supervisor and the tasks write it: `START TASK TIME PID`, `END TASK WORD EXIT TIME`. */
function logOf({ state, well }: FarJob, id: number): string {
  const start = `${id}/log:START 0 1 1\n`;
  if (state === 'held' || state === 'queued') return '';
  if (state === 'cancelled') return `${id}/log:END 0 cancelled - 2\n`;
  if (state === 'ended') return `${start}${id}/log:END 0 ${well ? 'completed 0' : 'failed 76'} 2\n`;
  return start;
}
