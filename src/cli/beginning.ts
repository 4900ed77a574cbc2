import { Failure } from '../base/errors.ts';
import { initOut } from '../tools/init.ts';
import { madeLines, nextOf } from '../tools/init-words.ts';
import type { Outcome } from '../tools/tool.ts';
import type { Call } from './approve.ts';
import type { Extras } from './commands.ts';
import type { Ask } from './questions.ts';
import { chooseBeginning, proposals } from './questions.ts';
import { emphasis, print, show, tell } from './render.ts';
import type { Conversation } from './terminal.ts';
import { openConversation } from './terminal.ts';

export type Beginning = {
  call: Call;
  /** Does work in the repository that is there by then. */
  within(repository: string, work: (call: Call) => Promise<number>): Promise<number>;
  stop: AbortSignal;
  json: boolean;
};

/**
 * `init` as a person meets it: on a terminal everything is asked first, then all of it is written, sealed if that was the word, and looked
 * at. Without a terminal flags say it, and without flags only what is missing is made. An end of the input or Ctrl-C leaves nothing.
 */
export async function begin(input: Record<string, unknown>, extra: Extras, on: Beginning): Promise<number> {
  const { call, within, stop, json } = on;
  const { yes = false, expect } = extra;
  const seals = extra.seal === true || expect !== undefined;
  if (json && seals)
    throw new Failure('usage', {
      what: '--seal and --expect of init are not for --json',
      next: 'leave them out, and run `autolab-mcp policy seal` then',
    });
  const asks = !json && !yes && process.stdin.isTTY === true && process.stdout.isTTY === true;
  const isSaid = yes || seals || input.site !== undefined || input.preset !== undefined;
  if (input.dry_run === true || !(asks || isSaid)) return show(await call('init', input), json);
  const talk = asks || extra.seal === true ? openConversation(stop) : undefined;
  let chosen = input;
  let answer: Awaited<ReturnType<typeof sealWord>>;
  try {
    const { iteration } = input;
    const found = await call('init', { ...(iteration === undefined ? {} : { iteration }), dry_run: true });
    if (found.kind !== 'done') return show(found, json);
    if (asks || yes) chosen = await chooseBeginning(initOut.parse(found.data), input, asks ? asked(talk) : proposals);
    const shown = await call('init', { ...chosen, dry_run: true });
    if (shown.kind !== 'done') return show(shown, json);
    answer = await sealWord(shown, talk, { asks, wanted: extra.seal === true && expect === undefined });
  } finally {
    talk?.close();
  }
  if (stop.aborted) throw left();
  const begun = await call('init', chosen, answer);
  if (begun.kind !== 'done' || json) return show(begun, json);
  const out = initOut.parse(begun.data);
  // Beside the question about sealing the list has just been shown.
  print(asks && !out.sealed && out.status === 'made' ? `Repository ${out.repository} is made.` : madeLines(out).join('\n'));
  for (const fault of begun.faults) tell(emphasis(fault, process.stderr));
  return within(out.repository, async (later) => {
    const seal = await sealed(later, answer && out.to_confirm, expect);
    const exit = seal === undefined ? 0 : show(seal, false);
    if (out.hosts.length > 0) print(out.hosts.join('\n'));
    show(await later('check_setup', {}), false);
    print(`Next: ${nextOf({ ...out, sealed: out.sealed || seal?.kind === 'done', isLookedAt: true })}`);
    return exit;
  });
}

function asked(talk: Conversation | undefined): Ask {
  return async (question, _flag, proposal) => {
    const typed = await talk?.ask(`${question}${proposal === undefined ? '' : ` [${proposal}]`}: `);
    talk?.tell('\n');
    if (typed === undefined) throw left();
    return typed.trim() === '' ? (proposal ?? '') : typed;
  };
}

const SEALING = `A seal keeps the policy, the sites and what else guards this repository as they are: once one of them is changed, nothing but reading goes on
until it is put back or a person seals again. Unsealed, whoever can write files here can loosen them. It can wait until the policy is as you
want it and your agents are set up: \`autolab-mcp policy seal\`.`;

/** The word for sealing what was shown, and nothing else counts as one; undefined: not now. */
async function sealWord(
  shown: Extract<Outcome, { kind: 'done' }>,
  talk: Conversation | undefined,
  { asks, wanted }: { asks: boolean; wanted: boolean },
): Promise<{ approval: string; granted: true } | undefined> {
  const out = initOut.parse(shown.data);
  const isNew = out.made.length > 0 || out.preset.applied !== null;
  if (out.to_confirm === null || out.sealed || !(wanted || (asks && isNew))) return undefined;
  const typed = await talk?.ask(
    `${madeLines(out).join('\n')}\n\n${SEALING}\nType yes to seal now, or Enter to leave that for later: `,
  );
  if (typed === undefined && talk) throw left();
  if (typed?.trim().toLowerCase() === 'yes') return { approval: out.to_confirm, granted: true };
  if (!wanted) return undefined;
  throw new Failure(talk ? 'approval_unusable' : 'not_for_agents', {
    what: 'the seal was not confirmed, so nothing was written',
    why: talk ? 'the answer was not yes' : 'it needs a terminal, and this process has none',
    next: 'leave --seal out, and run `autolab-mcp policy seal` in a terminal then; or give `--expect DIGEST`',
  });
}

/** Through the gate like any other seal. The word was given before, and holds for the files as they were to be written, no others. */
async function sealed(
  call: Call,
  confirmed: string | null | undefined,
  expect: string | undefined,
): Promise<Outcome | undefined> {
  if (expect !== undefined) return call('seal_policy', { expect });
  return confirmed == null ? undefined : call('seal_policy', {}, { approval: confirmed, granted: true });
}

function left(): Failure {
  return new Failure('approval_unusable', {
    what: 'nothing was written',
    why: 'the questions were not answered to their end',
    next: 'run `autolab-mcp init` again, or say it by flags: `autolab-mcp init --help`',
  });
}
