import type { SetupCheck } from './setup.ts';
import { failed, ok, warning } from './setup-words.ts';

/** The lock of the workspace that the iteration goes on with. */
export type LockFinding = { workspace: string; state: 'free' | 'held' | 'stale' | 'unknown'; holder: string; why: string };

export const workspaceCheck: SetupCheck = {
  code: 'workspace_lock',
  after: ['repository', 'state'],
  judge: ({ workspace }) => {
    if (!workspace) return [];
    if ('failure' in workspace) return [failed(workspace.failure)];
    const { workspace: name, state, holder, why } = workspace.value;
    if (state === 'free') return [ok(`workspace ${name}: nobody has locked it`)];
    if (state === 'stale') return [ok(`workspace ${name}: a stale lock (${holder}): ${why}; it stays where it is`)];
    return [
      warning(
        `workspace ${name} is ${state === 'held' ? 'locked' : 'perhaps locked'} (${holder}): ${why}`,
        'nothing can be submitted into it until its owner has ended; the lock file is never to be deleted while it is held',
      ),
    ];
  },
};
