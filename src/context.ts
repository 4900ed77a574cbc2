import { hostname } from 'node:os';
import { basename, dirname, join, resolve, sep } from 'node:path';
import { account } from './base/account.ts';
import { Failure } from './base/errors.ts';
import { PACKAGE, VERSION } from './base/package.ts';
import { notesIn, noteTemporaries } from './base/temporaries.ts';
import type { ApprovalStore } from './policies/approvals.ts';
import { approvalStore } from './policies/approvals.ts';
import type { CeilingSource } from './policies/ceilings.ts';
import type { Policy } from './policies/load.ts';
import { loadPolicy } from './policies/load.ts';
import { readPause } from './policies/pause.ts';
import { readSeal, sealState, sealStatement } from './policies/seal.ts';
import type { Decision, Facts } from './policies/types.ts';
import type { Audit } from './runs/audit/audit.ts';
import { auditPulse, openAudit } from './runs/audit/audit.ts';
import { findRepository } from './runs/autolab/iteration.ts';
import { pauseFolder, repositoryId, sealFile, stateFolder } from './runs/home.ts';
import { loggedWork } from './runs/results/command-log.ts';
import { siteNamed } from './sites/index.ts';
import type { Work } from './sites/jobs.ts';
import { openWork } from './sites/jobs.ts';
import { signerOf } from './sites/signatures.ts';
import type { Site } from './sites/site.ts';
import type { Caller } from './tools/tool.ts';

export { PACKAGE, VERSION } from './base/package.ts';

/** What a call may look at. Nothing in it changes anything without a permit. */
export type Reads = {
  /** Where the program was started. */
  readonly start: string;
  /** The repository; reading it where there is none is the failure `no_repository`. */
  readonly repo: string;
  readonly presets: string;
  readonly version: string;
  readonly user: string;
  readonly caller: Caller;
  policy(): Policy;
  /** Where the seal of the repository is, or would be. */
  readonly sealFile: string;
  site(name: string): Site;
  readonly approvals: Pick<ApprovalStore, 'find' | 'list' | 'get'>;
  readonly audit: Pick<Audit, 'verify' | 'lines' | 'head'>;
  /** The very facts and decision `callTool` would come to after looking. */
  look(tool: string, input: unknown): Promise<{ facts: Facts; decision: Decision }>;
};

/** What a call with a permit may use besides. Every acting function asks for the permit again. */
export type Acts = Reads & {
  readonly approvalStore: ApprovalStore;
  readonly auditLog: Audit;
  readonly work: Work;
  /** What could not be done beside the act itself; told with its answer. */
  readonly beside: string[];
};

/** What went wrong inside, for whoever runs the program; to stderr, since stdout belongs to the protocol. */
export type Log = { warn(message: string, data?: object): void; error(message: string, data?: object): void };

export type Context = {
  readonly start: string;
  readonly repo: string | null;
  readonly log: Log;
  /** Whether there is a repository that `init` has given its identity, so that there is somewhere to log and lock. */
  initialised(): boolean;
  /** The folder of approvals, audit head and locks, outside the repository. */
  state(): string;
  audit(): Audit;
  /** How far the audit log has come; empty where there is none. Every act leaves a line there, whichever process did it. */
  pulse(): string;
  /** What a call of this operation may use; what it runs is said in the audit log. */
  acts(caller: Caller, look: Reads['look'], tool: string): Promise<Acts>;
  close(): Promise<void>;
};

/** Fixes the repository for the life of the program: the folder above `--state-file`'s `.autolab`, else the nearest one upwards. */
export function openContext(options: { start: string; stateFile?: string; ceiling?: string }): Context {
  const start = resolve(options.start);
  const repo =
    options.stateFile === undefined ? nearestRepository(start) : repositoryOf(resolve(start, options.stateFile), start);
  const known = (): string => {
    if (repo !== null) return repo;
    throw new Failure('no_repository', {
      what: `there is no .autolab folder in ${start} or above it`,
      next: isPluginFolder(start)
        ? 'this host starts the server of a plugin in the folder of the plugin: run `autolab-mcp setup HOST` in the repository, so that it is started there'
        : 'go to the repository, or run `autolab-mcp init` in its top folder',
    });
  };
  const once = <T>(make: () => T): (() => T) => {
    let made: T | undefined;
    return () => (made ??= make());
  };
  const initialised = () => repo !== null && repositoryId(repo) !== undefined;
  const log = openLog();
  const state = once(() => {
    const folder = stateFolder(known());
    noteTemporaries(notesIn(folder));
    return folder;
  });
  const audit = once(() => openAudit(known(), state()));
  const approvals = once(() => approvalStore(join(state(), 'approvals')));
  const sites = new Map<string, Site>();
  const ceilings = ceilingFiles(options.ceiling === undefined ? undefined : resolve(start, options.ceiling));
  const work = once(() => openWork(known()));
  return {
    start,
    repo,
    log: log.log,
    initialised,
    state,
    audit,
    pulse: () => (repo !== null && initialised() ? auditPulse(repo, state()) : ''),
    acts: async (caller, look, tool) => {
      const unpaused = repo === null ? undefined : await sealedPolicy(repo, ceilings);
      const pause = repo === null ? undefined : readPause(pauseFolder(repo));
      const policy = unpaused && pause ? { ...unpaused, pause } : unpaused;
      return {
        start,
        get repo() {
          return known();
        },
        presets: join(PACKAGE, 'presets'),
        version: VERSION,
        user: account().username,
        caller,
        policy: () => {
          known();
          if (policy) return policy;
          throw new Error('a repository without a policy');
        },
        get sealFile() {
          return sealFile(known());
        },
        site: (name) => {
          const site = sites.get(name) ?? {
            ...siteNamed(known(), name),
            paused: () => readPause(pauseFolder(known())) !== undefined,
          };
          sites.set(name, site);
          return site;
        },
        get approvals() {
          return approvals();
        },
        get audit() {
          return audit();
        },
        look,
        beside: [],
        get approvalStore() {
          return approvals();
        },
        get auditLog() {
          return audit();
        },
        get work() {
          const { surface, client, uid, host, token } = caller;
          const by = { surface, client, uid, host, ...(token === undefined ? {} : { token }) };
          return loggedWork(work(), audit(), { tool, caller: by });
        },
      };
    },
    close: async () => {
      await log.written();
    },
  };
}

/** Where policies over the repository's own are looked for. The user's is under the home that the password database names. */
function ceilingFiles(named: string | undefined): CeilingSource[] {
  return [
    { layer: 'administrator', file: '/etc/autolab/policy.yaml' },
    { layer: 'user', file: join(account().homedir, '.config', 'autolab', 'policy.yaml') },
    ...(named === undefined ? [] : [{ layer: 'server' as const, file: named, needed: true }]),
  ];
}

/** The policy with how its seal stands. Where approvals are signed, a seal that nobody signed is broken. */
async function sealedPolicy(repo: string, ceilings: readonly CeilingSource[]): Promise<Policy> {
  const presets = join(PACKAGE, 'presets');
  const policy = loadPolicy(repo, presets, ceilings);
  const path = sealFile(repo);
  const seal = sealState(path, repo, presets);
  if (policy.gate.approve !== 'signed' || seal.sealed === null || seal.sealed.at === 'unknown') return { ...policy, seal };
  const what = await unsigned(path, repo, policy.signers);
  return {
    ...policy,
    seal: what === undefined ? seal : { ...seal, breaches: [{ name: path, what, diff: '' }, ...seal.breaches] },
  };
}

async function unsigned(path: string, repo: string, signers: readonly string[]): Promise<string | undefined> {
  const seal = readSeal(path);
  if (!seal) return 'is gone';
  if (seal.signature === undefined) return 'is not signed, and approvals are signed here';
  const found = await signerOf(sealStatement(seal, repositoryId(repo) ?? repo), seal.signature, signers, 'autolab-mcp-seal');
  return 'why' in found ? `has no signature that counts: ${found.why}` : undefined;
}

/** The caller a terminal is. */
export function terminalCaller(): Caller {
  return { surface: 'terminal', client: `autolab-mcp/${VERSION}`, uid: process.getuid?.() ?? -1, host: hostname() };
}

/** The logger is loaded when there is something to say: nearly never, and its loading is a tenth of a start. */
function openLog(): { log: Log; written(): Promise<void> } {
  let last: Promise<void> = Promise.resolve();
  const say =
    (level: 'warn' | 'error') =>
    (message: string, data: object = {}) => {
      last = last.then(async () => {
        const { default: pino } = await import('pino');
        const logger = pino({ level: process.env.AUTOLAB_LOG ?? 'warn', base: null }, pino.destination({ dest: 2, sync: true }));
        logger[level](data, message);
      });
    };
  return { log: { warn: say('warn'), error: say('error') }, written: () => last };
}

/** Hosts of Agent Plugins 1.0 say where the plugin lies, and start its server there. */
function isPluginFolder(start: string): boolean {
  const root = process.env.PLUGIN_ROOT;
  return root !== undefined && root !== '' && (start === resolve(root) || start.startsWith(resolve(root) + sep));
}

function nearestRepository(start: string): string | null {
  try {
    return findRepository(start);
  } catch (error) {
    if (error instanceof Failure && error.code === 'no_repository') return null;
    throw error;
  }
}

function repositoryOf(stateFile: string, start: string): string {
  return basename(stateFile) === 'state.json' && basename(dirname(stateFile)) === '.autolab'
    ? dirname(dirname(stateFile))
    : start;
}
