import { Failure } from '../base/errors.ts';
import { nearest } from '../base/text.ts';
import { SITES_FILE } from '../tools/init-plan.ts';
import { PRESET_OF } from '../tools/surroundings.ts';
import { columns } from './render.ts';

/** What `init` has found: what there is to choose from, and what is said already. */
export type Found = {
  repository: string;
  sites: {
    file: string | null;
    choices: { name: string; scheduler: string | null; host: string | null; what: string }[];
    proposal: string;
  };
  preset: { policy: 'new' | 'own' | 'set'; choices: { name: string; summary: string }[]; proposal: string };
  sealed: boolean;
};

/** One answer, where `flag` would have said the same; an empty one is the proposal where there is one. */
export type Ask = (question: string, flag: string, proposal?: string) => Promise<string>;

export type Choice = Record<string, unknown> & {
  site?: string;
  scheduler?: string;
  root?: string;
  preset?: string;
};

const KEEP = 'keep';
const MOST_SHOWN = 12;

/** What `init` is to do besides, by what is typed or proposed. What flags, files or the machine say is not asked. */
export async function chooseBeginning(found: Found, given: Choice, ask: Ask): Promise<Choice> {
  const site = await siteOf(found, given, ask);
  const preset = await presetOf(found, { ...given, ...site }, ask);
  return { ...given, ...site, ...preset };
}

async function siteOf({ repository, sites, sealed }: Found, given: Choice, ask: Ask): Promise<Choice> {
  if (sites.file === SITES_FILE || (given.site === undefined && (sites.file !== null || sealed))) return {};
  const names = sites.choices.map(({ name }) => name);
  const [only, ...others] = names;
  const shown = sites.choices.filter((_, at) => at < MOST_SHOWN || at === names.length - 1);
  const list = columns(shown.map(({ name, what }) => [String(names.indexOf(name) + 1), name, what]));
  const left = names.length - shown.length;
  const question = [
    'Where are runs to go? Found here:',
    ...list,
    ...(left > 0 ? [`  and ${left} more hosts of your ssh configuration, by name`] : []),
    'Number or name',
  ].join('\n');
  const site =
    given.site ?? (others.length === 0 ? only : undefined) ?? (await oneOf(ask, question, '--site', names, sites.proposal));
  const chosen = sites.choices.find(({ name }) => name === site);
  if (!chosen || chosen.scheduler !== null) return { site };
  const scheduler =
    given.scheduler ??
    (await oneOf(ask, `Which batch system has ${site}, slurm or gridengine`, '--scheduler', ['slurm', 'gridengine']));
  const where = `Which folder on ${site} stands for ${repository}? An absolute path, or \`shared\` where ${site} sees this very folder under the same path`;
  const isFolder = (text: string) => text === 'shared' || /^\/.*[^/]$/.test(text);
  const root = given.root ?? (await until(ask, where, '--root', undefined, (text) => (isFolder(text) ? text : undefined)));
  return { site, scheduler, root };
}

async function presetOf({ preset, sealed, sites }: Found, given: Choice, ask: Ask): Promise<Choice> {
  if (given.preset !== undefined || preset.policy === 'set' || sealed) return {};
  const found = sites.choices.find(({ name }) => name === given.site);
  const scheduler = given.scheduler ?? found?.scheduler;
  const usual = Object.entries(PRESET_OF).find(([name]) => name === scheduler)?.[1] ?? preset.proposal;
  const isOwn = preset.policy === 'own';
  const choices = [
    ...preset.choices.filter(({ name }) => name === usual),
    ...preset.choices.filter(({ name }) => name !== usual),
    ...(isOwn ? [{ name: KEEP, summary: 'leave .autolab/verifier_policy.yaml as it is' }] : []),
  ];
  const question = [
    isOwn
      ? '.autolab/verifier_policy.yaml is there and names no preset. One can be laid under it: comments and values of `gate` stay.'
      : 'What may happen here, to begin with? A preset, over which .autolab/verifier_policy.yaml has the last word:',
    ...columns(choices.map(({ name, summary }, at) => [String(at + 1), name, summary])),
    'Number or name',
  ].join('\n');
  const names = choices.map(({ name }) => name);
  const chosen = await oneOf(ask, question, '--preset', names, isOwn ? KEEP : usual);
  return chosen === KEEP ? {} : { preset: chosen };
}

/** One of the names, or its number. */
function oneOf(ask: Ask, question: string, flag: string, names: readonly string[], proposal?: string): Promise<string> {
  return until(ask, question, flag, proposal, (text) => (names.includes(text) ? text : names[Number(text) - 1]), names);
}

/** Asks until the answer is one. */
async function until(
  ask: Ask,
  question: string,
  flag: string,
  proposal: string | undefined,
  accept: (text: string) => string | undefined,
  names: readonly string[] = [],
): Promise<string> {
  for (let words = question; ; ) {
    const text = (await ask(words, flag, proposal)).trim();
    const found = accept(text);
    if (found !== undefined) return found;
    const near = nearest(text, names);
    words = `${text === '' ? 'It is needed' : `${JSON.stringify(text.slice(0, 80))} is none`}${near ? `; did you mean ${near}?` : '.'} Once more`;
  }
}

/** Every proposal taken; what has none is to be said by its flag. */
export const proposals: Ask = async (_question, flag, proposal) => {
  if (proposal !== undefined) return proposal;
  throw new Failure('usage', {
    what: `${flag} is missing`,
    why: 'it cannot be known from here, and --yes takes only what is proposed',
    next: `add ${flag}, or run \`autolab-mcp init\` in a terminal without --yes`,
  });
};
