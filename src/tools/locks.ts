import { join } from 'node:path';
import { withLock } from '../base/lock.ts';
import type { Context } from '../context.ts';
import type { Tool } from './tool.ts';

/** Only what changes something and needs a policy's consent is serialised; the order of locks is repository, user, audit. */
export function underLock<T>(tool: Tool, context: Context, work: () => Promise<T>): Promise<T> {
  if (tool.anywhere && !context.initialised()) return work();
  return withLock(join(context.state(), 'budget.lock'), tool.name, work);
}

/** A budget is the user's, over all repositories: what spends is counted and reserved while nobody else spends. No scheduler is asked meanwhile. */
export function amongAll<T>(tool: Tool, context: Context, work: () => Promise<T>): Promise<T> {
  return tool.effect === 'spend' ? withLock(join(context.state(), '..', 'budget.lock'), tool.name, work) : work();
}
