import { appendFileSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll } from 'vitest';
import { answered } from '../support/asking.ts';
import type { Tiny } from '../support/tiny.ts';
import { forgetTemplate, TINY_POLICY } from '../support/tiny.ts';
import { makeListed } from './listed-run.ts';
import { crashes } from './matrix.ts';
import { onTerminal } from './operation.ts';
import { kept } from './scenes.ts';
import { executions, listed, submitted, typedUntil } from './typed.ts';

afterAll(forgetTemplate);

const policyFile = (tiny: Tiny) => join(tiny.path, '.autolab', 'verifier_policy.yaml');

/** Typed again on the terminal until it is done. */
async function confirmed(tiny: Tiny, ...args: string[]): Promise<void> {
  const done = await onTerminal(tiny, [], args, 'yes\n');
  if (done.exit !== 0) throw new Error(`${args.join(' ')}: ${done.stdout}`);
}

async function looked(): Promise<Tiny> {
  const tiny = await makeListed();
  await typedUntil(tiny, 'monitor');
  return tiny;
}

const seal = ['policy', 'seal'];
crashes({
  name: 'policy seal',
  prepare: async () => kept(await looked()),
  act: (tiny, prefix) => onTerminal(tiny, prefix, seal, 'yes\n'),
  finish: (tiny) => confirmed(tiny, ...seal),
  ended: async (tiny) => {
    const { findings } = await answered<{ findings: { code: string; what: string }[] }>(tiny, 'doctor');
    const sealed = findings.filter(({ code }) => code === 'sealed').map(({ what }) => what.replace(/ at \S+$/, ''));
    appendFileSync(policyFile(tiny), '# not as sealed\n');
    return { sealed, altered: (await tiny.run(['monitor'])).exit };
  },
  few: 8,
});

const preset = ['policy', 'apply', 'preset', 'slurm'];
crashes({
  name: 'policy apply preset',
  prepare: async () => kept(await looked()),
  act: (tiny, prefix) => onTerminal(tiny, prefix, preset, 'yes\n'),
  finish: (tiny) => confirmed(tiny, ...preset),
  ended: (tiny) => readFileSync(policyFile(tiny), 'utf8'),
  few: 8,
});

type Approvals = { approvals: { id: string; state: string }[] };
const states = async (tiny: Tiny) => (await answered<Approvals>(tiny, 'approvals', '--all')).approvals;
const waiting = async (tiny: Tiny) => (await states(tiny)).find(({ state }) => state === 'pending')?.id;
crashes({
  name: 'approve',
  prepare: async () => {
    const tiny = await makeListed({}, (path) =>
      writeFileSync(
        join(path, '.autolab', 'verifier_policy.yaml'),
        `${TINY_POLICY}  acts: { submit: ask }\n  approve: terminal\n`,
      ),
    );
    await tiny.run(['submit']);
    return kept(tiny);
  },
  act: async (tiny, prefix) => onTerminal(tiny, prefix, ['approve', (await waiting(tiny)) ?? ''], 'yes\n'),
  finish: async (tiny) => {
    // Whoever was cut off does not know what came of it, and says it again.
    const id = (await states(tiny)).find(({ state }) => state === 'pending' || state === 'granted')?.id;
    if (id !== undefined) await confirmed(tiny, 'approve', id);
    await typedUntil(tiny, 'submit');
    await submitted(tiny);
  },
  ended: async (tiny) => ({
    executions: executions(tiny),
    runs: await listed(tiny),
    approvals: (await states(tiny)).map(({ state }) => state),
    told: readFileSync(join(tiny.path, '.autolab', 'gate', 'audit.jsonl'), 'utf8').match(/"kind":"approval"/g)?.length,
  }),
  few: 10,
});

const accept = ['audit', 'accept', '--because', 'a backup was restored'];
crashes({
  name: 'audit accept',
  prepare: async () => {
    const tiny = await looked();
    const log = join(tiny.path, '.autolab', 'gate', 'audit.jsonl');
    const lines = readFileSync(log, 'utf8').trimEnd().split('\n');
    writeFileSync(log, `${lines.slice(0, -1).join('\n')}\n`);
    return kept(tiny);
  },
  act: (tiny, prefix) => onTerminal(tiny, prefix, accept, 'yes\n'),
  finish: async (tiny) => {
    if ((await tiny.run(['audit', 'verify'])).exit !== 0) await confirmed(tiny, ...accept);
    await typedUntil(tiny, 'monitor');
  },
  ended: async (tiny) => (await tiny.run(['audit', 'verify'])).exit,
  few: 8,
});
