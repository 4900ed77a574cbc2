import { account } from '../../base/account.ts';
import { runGroup } from './group.ts';
import type { Command, Output, Transport } from './transport.ts';

/** What commands see of our own environment besides the account: places, language, and where the site's schedulers are configured. */
export const INHERITED = ['PATH', 'LANG', 'LC_ALL', 'TZ', 'TMPDIR', 'SLURM_CONF', 'SLURM_CLUSTERS', 'SGE_ROOT', 'SGE_CELL'];

/**
 * Runs commands on this machine, each as the leader of its own process group. At the time limit, or when the caller's signal fires,
 * the whole group is ended (TERM, then KILL); processes that outlive the program are never waited for.
 */
export function localTransport(): Transport {
  return { name: 'local', run };
}

async function run(
  { argv, cwd, stdin = '', env }: Command,
  limits: { timeoutMs: number; signal?: AbortSignal },
): Promise<Output> {
  const ended = await runGroup({ argv, cwd, stdin, env: { ...ourOwn(INHERITED), ...env } }, limits);
  const { exit, signal, stdout, stderr, timedOut, notStarted, why } = ended;
  return { exit, signal, stdout: stdout.toString('utf8'), stderr: stderr.toString('utf8') + why, timedOut, notStarted };
}

/** Those of our own variables that are set, and the account by the password database. */
export function ourOwn(names: readonly string[]): Record<string, string> {
  const { homedir, username } = account();
  const kept = names.flatMap((name) => (process.env[name] === undefined ? [] : [[name, process.env[name] ?? ''] as const]));
  return { ...Object.fromEntries(kept), HOME: homedir, USER: username, LOGNAME: username };
}
