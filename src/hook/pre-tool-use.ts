import { account } from '../base/account.ts';
import { asFailure } from '../base/errors.ts';
import type { Answer } from './answer.ts';
import { denial, NOTHING } from './answer.ts';
import type { HookCall } from './call.ts';
import { readHookCall } from './call.ts';
import type { Detour } from './detour.ts';
import { detoursIn } from './judge.ts';
import { whichOn } from './own.ts';
import { guardOf } from './paths.ts';

/**
 * Answers a host that is about to use a tool: nothing, or no with its reasons. What cannot be read or judged is a no. The policy is loaded
 * only to explain one, and the list of operations only for commands of ours.
 */
export async function judgeToolUse(text: string, here: string): Promise<Answer> {
  let event: string | undefined;
  try {
    const call = readHookCall(text, here);
    event = call.event;
    const found = detoursOf(call);
    if (found.length === 0) return NOTHING;
    const { explained } = await import('./explained.ts');
    const reason = await explained(found, call.cwd);
    return reason === undefined ? NOTHING : denial(event, reason);
  } catch (error) {
    const failure = asFailure(error);
    return denial(event, `autolab-mcp could not judge this, so it is stopped. ${failure.message}\nnext: ${failure.next}`);
  }
}

function detoursOf({ cwd, also, texts, writes }: HookCall): Detour[] {
  return [cwd, ...(also === undefined ? [] : [also])].flatMap((folder) => detoursFrom(folder, { texts, writes }));
}

function detoursFrom(cwd: string, { texts, writes }: Pick<HookCall, 'texts' | 'writes'>): Detour[] {
  const guard = guardOf(cwd);
  const place = { cwd, home: account().homedir, guard, which: whichOn(process.env.PATH ?? '') };
  const written = writes.flatMap((write): Detour[] => {
    const name = guard(write, cwd);
    return name === undefined ? [] : [{ kind: 'write', what: name }];
  });
  return [...written, ...texts.flatMap((text) => detoursIn(text, place))];
}
