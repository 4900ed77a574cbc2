import { rmSync } from 'node:fs';
import { openContext, terminalCaller } from '../../src/context.ts';
import { mintRepositoryId, stateFolder } from '../../src/runs/home.ts';
import { callTool } from '../../src/tools/call.ts';
import type { Outcome } from '../../src/tools/tool.ts';
import type { Changes } from '../checks/iteration.ts';
import { makeRepository, removeRepositories } from '../checks/iteration.ts';

const folders: string[] = [];

/** The example experiment as an initialised repository, with changes. */
export function initialise(...changes: Changes[]): string {
  const repo = makeRepository(...changes);
  mintRepositoryId(repo);
  folders.push(stateFolder(repo));
  return repo;
}

/** Takes repositories and what belongs to them outside away. */
export function removeInitialised(): void {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
  removeRepositories();
}

/** One call through the gate, as from a terminal in `folder`. */
export async function call(folder: string, tool: string, input: Record<string, unknown> = {}): Promise<Outcome> {
  const context = openContext({ start: folder });
  try {
    return await callTool(tool, input, terminalCaller(), context);
  } finally {
    await context.close();
  }
}

/** The same call again until the work that it started is over. */
export async function callThrough(folder: string, tool: string, input: Record<string, unknown> = {}): Promise<Outcome> {
  for (const end = Date.now() + 60_000; ; ) {
    const outcome = await call(folder, tool, input);
    if (outcome.kind !== 'running' || Date.now() > end) return outcome;
  }
}
