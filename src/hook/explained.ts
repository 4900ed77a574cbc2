import { openContext, terminalCaller } from '../context.ts';
import { explainDetours } from '../tools/detours.ts';
import { tools } from '../tools/index.ts';
import type { Detour } from './detour.ts';

/**
 * What was found in the words of every refusal, with what the policy in force at a place says on such acts. Undefined where nothing is
 * left: of our own commands those are a detour that are a person's and change something.
 */
export async function explained(found: readonly Detour[], start: string): Promise<string | undefined> {
  const past = found.flatMap(({ kind, what, words }) => {
    if (words === undefined) return [{ kind, what }];
    const command = personsCommand(words);
    return command === undefined ? [] : [{ kind, what: `autolab-mcp ${command.join(' ')}` }];
  });
  return past.length === 0 ? undefined : explainDetours(past, await policyOf(start));
}

/** What is no operation and a person's all the same: a word on an approval can be given on its pages. */
const SURFACES = [['dashboard']];

/** The command of ours that these words begin with, where it is a person's and changes something. */
export function personsCommand(words: readonly string[]): readonly string[] | undefined {
  const persons = tools.filter(({ audience, effect }) => audience === 'person' && effect !== 'read');
  return [...persons.map(({ command }) => command), ...SURFACES].find((command) =>
    command.every((word, at) => words[at] === word),
  );
}

/** The policy in force, or undefined where there is none to be had: no repository, or files that nobody can read. */
async function policyOf(start: string) {
  try {
    const context = openContext({ start });
    if (context.repo === null) return undefined;
    const nothing = () => Promise.reject(new Error('the hook decides nothing else'));
    const { policy } = await context.acts(terminalCaller(), nothing, 'hook');
    return policy();
  } catch {
    // The refusal stands without it; `doctor` tells what is wrong with a policy.
    return undefined;
  }
}
