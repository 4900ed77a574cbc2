import { Failure } from '../base/errors.ts';
import { clean, nearest } from '../base/text.ts';
import { badInput } from './answers.ts';
import { tools } from './index.ts';
import type { Caller, Tool } from './tool.ts';

/** The operation of this name; the failure `unknown_tool` names the nearest one that this caller has. */
export function toolNamed(name: string, caller: Pick<Caller, 'surface' | 'readOnly'>): Tool {
  const tool = tools.find((one) => one.name === name);
  if (tool) return tool;
  const shown = clean(name).slice(0, 80);
  const known = tools.filter((one) => isFor(one, caller)).map((one) => one.name);
  const near = nearest(name, known);
  throw new Failure('unknown_tool', {
    what: `there is no operation ${JSON.stringify(shown)}`,
    next: near ? `did you mean ${near}?` : `known: ${known.join(', ')}`,
  });
}

/** What is a tool of an agent's, by MCP, or a command of a person's at a terminal. */
function isFor({ audience, effect }: Tool, { surface, readOnly }: Pick<Caller, 'surface' | 'readOnly'>): boolean {
  return (isPersons(surface) || audience === 'agent') && (!readOnly || effect === 'read');
}

/** What a person sits at. */
function isPersons(surface: Caller['surface']): boolean {
  return surface === 'terminal' || surface === 'page';
}

/** Refuses what is not this caller's: a person's operations, commands that are no tools, and where only reading is served all else. */
export function refuseOthers(tool: Tool, caller: Caller): void {
  if (caller.surface === 'page' && tool.effect !== 'read' && !tool.page) {
    throw new Failure('not_for_agents', {
      what: `${tool.name} is not done on a page`,
      why: 'the page reads, and takes a person’s word on what waits',
      next: `run \`autolab-mcp ${tool.command.join(' ')}\` in a terminal`,
    });
  }
  if (tool.audience === 'person' && !isPersons(caller.surface)) {
    throw new Failure('not_for_agents', {
      what: `${tool.name} is for a person at a terminal`,
      why: 'what it changes is what guards this session',
      next: `ask the person you work for to run \`autolab-mcp ${tool.command.join(' ')}\``,
    });
  }
  if (tool.audience === 'command' && !isPersons(caller.surface) && !(caller.resource && tool.effect === 'read')) {
    const inShell = `run \`autolab-mcp ${tool.command.join(' ')}\` in a shell`;
    const told =
      tool.effect === 'read'
        ? {
            why: 'what agents read of runs are resources',
            next: `read what resources/list and resources/templates/list name, or ${inShell}`,
          }
        : { why: 'it is needed too seldom to be a tool in every session', next: inShell };
    throw new Failure('not_for_agents', { what: `${tool.name} is a command, and no tool`, ...told });
  }
  if (caller.readOnly && tool.effect !== 'read') {
    throw new Failure('read_only', {
      what: `${tool.name} is no read, and this server only reads`,
      why: 'it was started with --read-only',
      next: `list_runs, read_log and explain_policy answer; a person can run \`autolab-mcp ${tool.command.join(' ')}\``,
    });
  }
}

/** The arguments, strictly; the failure `usage` says what is wrong with each. */
export function parse(tool: Tool, raw: unknown): Record<string, unknown> {
  const parsed = tool.input.safeParse(raw ?? {});
  if (parsed.success) return parsed.data;
  throw badInput(tool, raw, parsed.error);
}
