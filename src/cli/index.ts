import { asFailure, Failure } from '../base/errors.ts';
import type { Context } from '../context.ts';
import { openContext, terminalCaller, VERSION } from '../context.ts';
import { failed } from '../tools/answers.ts';
import { callTool } from '../tools/call.ts';
import { tools } from '../tools/index.ts';
import installWatch from '../tools/install-watch.ts';
import type { Outcome } from '../tools/tool.ts';
import type { Call } from './approve.ts';
import { approveOnTerminal, confirmOnTerminal } from './approve.ts';
import { readArguments } from './arguments.ts';
import { begin } from './beginning.ts';
import { commandFields, findCommand, splitExtras } from './commands.ts';
import { completion } from './completion.ts';
import type { Globals } from './globals.ts';
import { readGlobals } from './globals.ts';
import { commandHelp, overview } from './help.ts';
import { print, show, tell } from './render.ts';
import { askOnTerminal } from './terminal.ts';
import { watchHelp, watchWords } from './unattended/command.ts';
import { watchRuns } from './unattended/index.ts';
import { untilOver } from './waiting.ts';
import { isLive, watch } from './watch/index.ts';

/** Runs one command line and returns its exit code. `stop` ends waiting; it never cuts an act short. */
export async function runCli(argv: readonly string[], stop: AbortSignal): Promise<number> {
  let json = argv.includes('--json');
  try {
    const { globals, own } = readGlobals(argv);
    json = globals.json;
    if (globals.version) return say(VERSION);
    const group = tools.filter((tool) => tool.command[0] === own[0] && tool.command.length > own.length);
    if (own.length === 0 || own[0] === 'serve' || own[0] === 'dashboard') return say(overview(tools));
    const isCommand = tools.some(({ command }) => command.length === 1 && command[0] === own[0]);
    if (globals.help && own.length === 1 && group.length > 1 && !isCommand) return say(overview(group));
    if (own[0] === 'completion' && !globals.help) return say(completion(own[1], tools));
    if (own[0] === 'watch' && own[1] !== 'install') {
      if (globals.help) return say(watchHelp());
      const words = watchWords(own.slice(1));
      return await withCall(globals, stop, false, (call, context) => {
        if (!words.install && !words.uninstall) return watchRuns(context, call, { ...words, json }, stop);
        const input = { uninstall: words.uninstall, dry_run: words.dry_run };
        return confirmOnTerminal(call, installWatch, input, askOnTerminal).then((outcome) => show(outcome, json));
      });
    }
    const { tool, rest } = findCommand(tools, own);
    if (globals.help) {
      const also = isCommand && own.length === 1 ? group.map(({ command }) => `\`autolab-mcp ${command.join(' ')}\``) : [];
      return say([commandHelp(tool), ...(also.length > 0 ? [`\nSee also ${also.join(', ')}.`] : [])].join('\n'));
    }
    const { input, extra } = splitExtras(tool, readArguments(tool.command.join(' '), commandFields(tool), rest));
    // Nothing else may be written while something is drawn.
    const tells = !globals.json && !(extra.watch && isLive(tool, json));
    return await withCall(globals, stop, tells, async (call, context) => {
      if (tool.name === 'init')
        return begin(input, extra, { call, within: (repo, work) => withCall(globals, stop, tells, work, repo), stop, json });
      const once = (): Promise<Outcome> => call(tool.name, input);
      if (tool.name === 'approve') return show(await approveOnTerminal(call, input, askOnTerminal), json);
      if (tool.confirms) return show(await confirmOnTerminal(call, tool, input, askOnTerminal), json);
      if (extra.once && (extra.watch || input.run_id !== undefined)) throw onceAlone();
      if (extra.once) return watchRuns(context, call, { once: true, standby: false, json }, stop);
      if (extra.watch) return exitOf(await watch(tool, call, input, json, stop, () => context.pulse()));
      return show(globals.wait ? await untilOver(once, stop, json ? () => {} : tell) : await once(), json);
    });
  } catch (error) {
    return show(failed(asFailure(error), []), json);
  }
}

async function withCall(
  globals: Globals,
  stop: AbortSignal,
  tells: boolean,
  work: (call: Call, context: Context) => Promise<number>,
  repository?: string,
): Promise<number> {
  const { stateFile } = globals;
  const context = openContext({
    start: repository ?? globals.repo ?? process.cwd(),
    ...(stateFile === undefined || repository !== undefined ? {} : { stateFile }),
    ...(globals.ceiling === undefined ? {} : { ceiling: globals.ceiling }),
  });
  const caller = { ...terminalCaller(), signal: stop, ...(process.stderr.isTTY && tells ? { progress: tell } : {}) };
  try {
    const call: Call = (name, input, answer) =>
      callTool(name, input, answer === undefined ? caller : { ...caller, answer }, context);
    return await work(call, context);
  } finally {
    await context.close();
  }
}

function onceAlone(): Failure {
  return new Failure('usage', {
    what: '--once is of all open runs, and of one round',
    next: 'leave --watch and --run-id out',
  });
}

function exitOf(outcome: Outcome): number {
  return outcome.kind === 'done' || outcome.kind === 'failed' ? outcome.exit : 1;
}

function say(text: string): 0 {
  print(text);
  return 0;
}
