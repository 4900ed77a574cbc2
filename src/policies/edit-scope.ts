import { isKnown } from '../base/fact.ts';
import { count, quote } from '../base/text.ts';
import { valueAt } from './edit.ts';
import type { Policy } from './load.ts';
import type { Facts, Reason } from './types.ts';

/** Where an agent may work, in the words of Autolab's `agent_runner.edit_scope`. Paths from the repository on; `''` is all of it. */
export type EditScope = { mode: string; folders: readonly string[] };

const RULE = 'agent_runner.edit_scope';
const MODES = ['iteration_only', 'iteration_plus_core', 'scope_root_plus_core'];
const SHOWN = 12;

/** The scope in force for an iteration; undefined where the policy names none. A mode that is not known allows nothing. */
export function editScope({ autolab }: Pick<Policy, 'autolab'>, iteration: string): EditScope | undefined {
  const mode = valueAt(autolab, ['agent_runner', 'edit_scope', 'mode']);
  if (typeof mode !== 'string') return undefined;
  const core = strings(valueAt(autolab, ['agent_runner', 'edit_scope', 'core_dirs']));
  const root = valueAt(autolab, ['scope_roots', 'project_wide_root']);
  const folders =
    mode === 'iteration_only'
      ? [iteration]
      : mode === 'iteration_plus_core'
        ? [iteration, ...core]
        : mode === 'scope_root_plus_core'
          ? [typeof root === 'string' ? root : '.', iteration, ...core]
          : [];
  return { mode, folders: folders.map(plain) };
}

/**
 * Whether everything that changed since the seal lies where the agent may work. Only under a seal that knows its commit: without one
 * there is no "since". What changed and is not known denies.
 */
export function judgeEdits(policy: Policy, facts: Facts): Reason[] {
  const since = policy.seal.sealed?.commit;
  const mode = valueAt(policy.autolab, ['agent_runner', 'edit_scope', 'mode']);
  if (!since || typeof mode !== 'string') return [];
  const { edits } = facts;
  if (!isKnown(edits))
    return [
      deny(
        policy,
        `what changed since the seal is not known: ${edits?.why ?? 'nobody looked'}`,
        'mend what keeps git from being asked',
      ),
    ];
  const { files, scope } = edits.value;
  if (!MODES.includes(mode))
    return [
      deny(policy, `${quote(mode, 60)} is no mode; there are ${MODES.join(', ')}`, 'no change of the request passes this rule'),
    ];
  const outside = files.filter(
    (file) => !scope.some((folder) => folder === '' || file === folder || file.startsWith(`${folder}/`)),
  );
  const where = scope.map((one) => one || 'the whole repository').join(', ');
  if (outside.length === 0)
    return [
      {
        rule: RULE,
        verdict: 'allow',
        because: `what changed since the seal lies in ${where}`,
        remedy: '',
        origin: policy.origin(RULE),
      },
    ];
  const names = outside.slice(0, SHOWN).map((one) => quote(one, 200));
  const more = outside.length > SHOWN ? ` and ${outside.length - SHOWN} more` : '';
  const because = `changed since the seal outside of ${where}: ${count(outside.length, 'file')}`;
  return [deny(policy, because, 'put these files back', `${names.join(', ')}${more}`)];
}

function deny(policy: Policy, because: string, remedy: string, quoted?: string): Reason {
  const origin = policy.origin(RULE);
  return {
    rule: RULE,
    verdict: 'deny',
    because,
    ...(quoted === undefined ? {} : { quoted }),
    remedy,
    policy_change: `a person may commit what is meant and run \`autolab-mcp policy seal\`, or widen ${RULE} (${origin.file}:${origin.line})`,
    origin,
  };
}

function plain(folder: string): string {
  const path = folder.replace(/^\.\/+|\/+$/g, '');
  return path === '.' ? '' : path;
}

function strings(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((one): one is string => typeof one === 'string' && one !== '') : [];
}
