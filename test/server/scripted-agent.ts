import * as z from 'zod';
import type { Result, User } from './asking.ts';
import { textOf } from './asking.ts';

type Args = Record<string, unknown>;
type Told = { why?: string | undefined; next: string; text: string };

const failure = z.object({ why: z.string().optional(), next: z.string() });
const looked = z.object({ all_over: z.boolean(), next_look_seconds: z.number().nullable() });
const listed = z.object({ runs: z.array(z.object({ run_id: z.string() })) });

/**
 * A client that knows nothing of Autolab: tool names from tools/list, and what answers say. What an answer names as the next call it calls, then it
 * makes its own call again. No model, no knowledge of any message beyond the form in which all of them are worded.
 */
export class ScriptedAgent {
  readonly calls: string[] = [];
  private readonly user: User;
  private readonly tools: readonly string[];
  private readonly person: (command: string) => Promise<void>;

  private constructor(user: User, tools: readonly string[], person: (command: string) => Promise<void>) {
    this.user = user;
    this.tools = tools;
    this.person = person;
  }

  static async meet(user: User, person: (command: string) => Promise<void>): Promise<ScriptedAgent> {
    return new ScriptedAgent(
      user,
      (await user.list()).map(({ name }) => name),
      person,
    );
  }

  /** Calls until it is done; throws where it knows no way on, with the last answer. */
  async achieve(name: string, args: Args, depth = 0): Promise<Result> {
    let [tool, its] = [name, args];
    let last = '';
    for (let turn = 0; turn < 8 && depth < 6; turn++) {
      const answer = await this.once(tool, its);
      if (typeof answer !== 'string' && !answer.isError) return answer;
      last = typeof answer === 'string' ? answer : textOf(answer);
      const way = typeof answer === 'string' ? this.renamed(answer) : await this.wayOn(its, answer, depth);
      if (!way) break;
      [tool, its] = [way.tool ?? tool, way.args ?? its];
    }
    throw new Error(`no way on from ${tool} ${JSON.stringify(its)}: ${last}`);
  }

  private async once(tool: string, args: Args): Promise<Result | string> {
    this.calls.push(tool);
    try {
      return await this.user.call(tool, args);
    } catch (error) {
      return error instanceof Error ? error.message : String(error);
    }
  }

  private renamed(words: string): { tool: string; args?: Args } | undefined {
    const tool = /did you mean (\w+)\?/.exec(words)?.[1];
    return tool !== undefined && this.tools.includes(tool) ? { tool } : undefined;
  }

  private async wayOn(args: Args, answer: Result, depth: number): Promise<{ tool?: string; args?: Args } | undefined> {
    const outcome = answer._meta?.['autolab/outcome'];
    const text = textOf(answer);
    const approval = /autolab-mcp (approve \S+)/.exec(text)?.[1];
    if (outcome?.kind === 'pending' && approval !== undefined) {
      await this.person(approval);
      return {};
    }
    if (outcome?.kind === 'running') {
      await pause(Number(/(\d+) s/.exec(text)?.[1] ?? 1));
      return {};
    }
    const parsed = failure.safeParse(outcome?.failure);
    if (!parsed.success) return undefined;
    return mended(args, { ...parsed.data, text }) ?? (await this.before(args, parsed.data.next, depth));
  }

  /** The call that has to come first. */
  private async before(args: Args, next: string, depth: number): Promise<{ args?: Args } | undefined> {
    const tool = this.tools.find((one) => next.includes(one));
    if (tool === undefined) return undefined;
    if (tool === 'list_runs') {
      const [newest] = listed.parse((await this.achieve('list_runs', {}, depth + 1)).structuredContent).runs;
      return newest && { args: { ...args, run_id: newest.run_id } };
    }
    if (tool === 'monitor_runs') {
      for (let turn = 0; turn < 60; turn++) {
        const seen = looked.parse((await this.achieve(tool, {}, depth + 1)).structuredContent);
        if (seen.all_over) return {};
        await pause(seen.next_look_seconds ?? 1);
      }
      return undefined;
    }
    if (next.includes('dry_run: true')) await this.achieve(tool, { dry_run: true }, depth + 1);
    await this.achieve(tool, {}, depth + 1);
    return {};
  }
}

/** The same call with what the answer says about its arguments. */
function mended(args: Args, { why = '', next, text }: Told): { args: Args } | undefined {
  const [, wrong = '', right = ''] = /"(\w+)" is no argument of \w+; did you mean (\w+)\?/.exec(why) ?? [];
  if (right) return { args: { ...without(args, wrong), [right]: args[wrong] } };
  const [, unknown] = /"(\w+)" is no argument/.exec(why) ?? [];
  if (unknown) return { args: without(args, unknown) };
  const [, field = '', words = ''] = /(\w+) \("[^"]*"\): Invalid option: expected one of (.+)/.exec(why) ?? [];
  if (field) {
    const options = words.split('|').map((one) => one.replaceAll('"', ''));
    const given = String(args[field]);
    return { args: { ...args, [field]: options.sort((a, b) => shared(b, given) - shared(a, given))[0] } };
  }
  const [, typed] = /(\w+) \([^)]*\): Invalid input: expected/.exec(why) ?? [];
  if (typed && typed in args) return { args: without(args, typed) };
  const [, first] = /its tasks are (\d+)/.exec(why) ?? [];
  if (first) return { args: { ...args, task: Number(first) } };
  const [, meant] = /did you mean ([\w.-]+)\?/.exec(`${why} ${next} ${text}`) ?? [];
  if (meant && typeof args.iteration === 'string') return { args: { ...args, iteration: meant } };
  return undefined;
}

function without(args: Args, name: string): Args {
  return Object.fromEntries(Object.entries(args).filter(([key]) => key !== name));
}

/** How many of its letters are in the other word: of a misspelling more than of another word. */
function shared(word: string, other: string): number {
  return [...word].filter((letter) => other.includes(letter)).length / word.length;
}

function pause(seconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, seconds * 1000));
}
