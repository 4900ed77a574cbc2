import { Failure } from '../../base/errors.ts';
import { quote } from '../../base/text.ts';
import type { Accounting, SiteDescription, SiteSettings } from './description.ts';
import type { Answer } from './slurm-answers.ts';
import { unusable } from './slurm-answers.ts';
import { accountsOf, fairshareOf, qosOf } from './slurm-limits.ts';
import { partitionsOf } from './slurm-partitions.ts';

/** sacct says so, and ends with 1, where a site keeps no accounting: its silence is then no fault. */
export const NO_ACCOUNTING = /accounting storage is disabled/i;
/** Exit codes of timeout(1): out of time, and no such program. */
const LATE = 124;
const ABSENT = 127;

/** sbatch's version; throws where it is not there or its controller does not answer. */
export function versionOf(answer: Answer): string {
  const part = answer.parts.get('version');
  if (part?.exit === ABSENT)
    throw new Failure('site_unavailable', {
      what: 'there is no sbatch on PATH',
      why: 'this host is no login or submit host of a Slurm cluster, or its programs are not in PATH',
      next: 'run this where `sbatch --version` answers, or take the site out of .autolab/sites.yaml',
    });
  const version = quote(part?.text.split('\n')[0] ?? '', 100);
  if (part?.exit !== 0)
    throw unusable('its version', `exit code ${part?.exit ?? 'none'}`, `${part?.text ?? ''}\n${answer.stderr}`.trim());
  const ping = answer.parts.get('ping')?.text ?? '';
  if (/\bis UP\b/.test(ping)) return version;
  throw unusable(
    'its version',
    `${version} is installed, but its controller does not answer`,
    `${ping}\nUnable to contact slurm controller`,
  );
}

/** What a site says of itself. Throws where the controller does not answer; any other part that cannot be read is null with its reason. */
export function describedSite(answer: Answer): SiteDescription {
  const version = versionOf(answer);
  const unread: { part: string; why: string }[] = [];
  const part = <T>(name: string, read: (text: string) => T, otherwise?: string): T | null => {
    const found = answer.parts.get(name);
    const why = otherwise ?? faultOf(found);
    if (why === undefined) return read(found?.text ?? '');
    unread.push({ part: name, why });
    return null;
  };
  const config = part('config', configOf);
  const settings = config && settingsOf(config);
  const state = stateOfAccounting(answer);
  const accounting: Accounting | null =
    state === undefined
      ? part('accounting', () => null)
      : { state, keepsComments: state === 'disabled' ? false : keepsComments(config) };
  const nodes = part('nodes', (text) => text);
  const partitions = part('partitions', (text) => partitionsOf(text, nodes, `@${answer.word}@`));
  const silence =
    state === 'disabled' ? 'the site keeps no accounting' : state === 'answers' ? undefined : 'accounting does not answer';
  const accounts = part('accounts', (text) => accountsOf(text, settings?.cluster ?? null), silence);
  const named = new Set([
    ...(accounts ?? []).flatMap((one) => [...one.qos, one.defaultQos]),
    ...(partitions ?? []).map((one) => one.qos),
  ]);
  const qos = part('qos', (text) => qosOf(text).filter(({ name }) => named.has(name)), silence);
  const priority = config?.get('PriorityType') ?? '';
  const unranked = /basic/.test(priority) ? `${quote(priority, 60)} does not rank jobs by fairshare` : undefined;
  const fairshare = part('fairshare', fairshareOf, unranked);
  const controller = quote((answer.parts.get('ping')?.text ?? '').split('\n').join('; '), 300);
  return { version, controller, settings, accounting, partitions, accounts, qos, fairshare, unread };
}

function faultOf(part: { text: string; exit: number } | undefined): string | undefined {
  if (!part) return 'it was not asked';
  if (part.exit === 0) return undefined;
  if (part.exit === LATE) return 'no answer within five seconds';
  if (part.exit === ABSENT) return 'its program is not on PATH';
  return quote(part.text, 200) || `exit code ${part.exit}`;
}

/** Undefined: sacct failed in words that are no known outage, so what it means is not known. */
function stateOfAccounting(answer: Answer): Accounting['state'] | undefined {
  const part = answer.parts.get('accounting');
  if (!part) return undefined;
  if (part.exit === 0) return 'answers';
  if (NO_ACCOUNTING.test(part.text)) return 'disabled';
  return part.exit === LATE ||
    /persist|Problem talking to the database|Unable to connect to database|Connection (?:refused|timed out)/.test(part.text)
    ? 'down'
    : undefined;
}

/** `Key = value` lines of scontrol(1), "show config". */
function configOf(text: string): Map<string, string> {
  return new Map(
    text.split('\n').flatMap((line): [string, string][] => {
      const [, key, value] = /^(\S+)\s*=\s(.*)$/.exec(line) ?? [];
      return key === undefined || value === undefined ? [] : [[key, value.trim()]];
    }),
  );
}

function settingsOf(config: ReadonlyMap<string, string>): SiteSettings {
  const number = (key: string): number | null => {
    const digits = /^\d+/.exec(config.get(key) ?? '')?.[0];
    return digits === undefined ? null : Number(digits);
  };
  const size = number('MaxArraySize');
  const requeue = number('JobRequeue');
  return {
    cluster: textOf(config, 'ClusterName'),
    minJobAge: number('MinJobAge'),
    maxArrayIndex: size === null ? null : size - 1,
    enforcePartLimits: textOf(config, 'EnforcePartLimits'),
    requeues: requeue === null ? null : requeue !== 0,
    rateLimits: listOf(config, 'SlurmctldParameters').filter((item) => item.startsWith('rl_')),
    enforced: listOf(config, 'AccountingStorageEnforce'),
    hidden: listOf(config, 'PrivateData'),
  };
}

/** AccountingStoreFlags came with 21.08; before it AccountingStoreJobComment said it (slurm.conf(5)). */
function keepsComments(config: ReadonlyMap<string, string> | null): boolean | null {
  if (config?.has('AccountingStoreFlags')) return listOf(config, 'AccountingStoreFlags').includes('job_comment');
  const old = config?.get('AccountingStoreJobComment');
  return old === undefined ? null : /^y/i.test(old);
}

function textOf(config: ReadonlyMap<string, string>, key: string): string | null {
  const text = config.get(key);
  return text === undefined || text === '(null)' || text === '' ? null : quote(text, 100);
}

function listOf(config: ReadonlyMap<string, string>, key: string): string[] {
  return (config.get(key) ?? '')
    .split(',')
    .map((item) => quote(item.trim(), 100))
    .filter((item) => item !== '' && item !== '(null)' && item !== 'none');
}
