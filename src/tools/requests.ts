import { Failure } from '../base/errors.ts';
import { clean, nearest } from '../base/text.ts';
import { badInput } from './answers.ts';
import { tools } from './index.ts';
import type { Tool } from './tool.ts';

/** The operation of this name; the failure `unknown_tool` names the nearest one. */
export function toolNamed(name: string): Tool {
  const tool = tools.find((one) => one.name === name);
  if (tool) return tool;
  const shown = clean(name).slice(0, 80);
  const near = nearest(
    name,
    tools.map((one) => one.name),
  );
  throw new Failure('unknown_tool', {
    what: `there is no operation ${JSON.stringify(shown)}`,
    next: near ? `did you mean ${near}?` : `known: ${tools.map((one) => one.name).join(', ')}`,
  });
}

/** The arguments, strictly; the failure `usage` says what is wrong with each. */
export function parse(tool: Tool, raw: unknown): Record<string, unknown> {
  const parsed = tool.input.safeParse(raw ?? {});
  if (parsed.success) return parsed.data;
  throw badInput(tool, raw, parsed.error);
}
