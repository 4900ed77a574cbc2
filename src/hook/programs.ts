import type { Detour, DetourKind } from './detour.ts';
import { baseName, programMeant } from './shell/names.ts';

type Program = { kind: DetourKind; isHarmless(words: readonly string[]): boolean };

const never = () => false;
/** What only tells something. As the first word alone, since elsewhere it may be the value of an option, or the script's own. */
const first =
  (...told: string[]) =>
  ([word = '']: readonly string[]) =>
    told.includes(word);
const SLURM_TELLS = first('--help', '-h', '--usage', '--version', '-V', '--test-only');
/** `-h` is a hold and `-V` the environment there. */
const QSUB_TELLS = first('-help', '--help', '--version');

/** Slurm's and Grid Engine's programs that change something, by their manual pages (22.05, 8.1.9), and what runs things later. */
const PROGRAMS: Readonly<Record<string, Program>> = {
  sbatch: { kind: 'submit', isHarmless: SLURM_TELLS },
  srun: { kind: 'submit', isHarmless: SLURM_TELLS },
  salloc: { kind: 'submit', isHarmless: first('--help', '-h', '--usage', '--version', '-V') },
  ...named(['qsub', 'qresub', 'qrsh', 'qlogin', 'qsh'], { kind: 'submit', isHarmless: QSUB_TELLS }),
  scancel: { kind: 'cancel', isHarmless: first('--help', '--usage', '--version', '-V') },
  qdel: { kind: 'cancel', isHarmless: QSUB_TELLS },
  ...named(['qalter', 'qrls', 'qhold', 'qmod', 'qrerun', 'qmove'], { kind: 'alter', isHarmless: QSUB_TELLS }),
  qconf: { kind: 'alter', isHarmless: ([word = '']) => /^-(?:s\w*|help)$/.test(word) },
  scontrol: { kind: 'alter', isHarmless: tells },
  crontab: { kind: 'later', isHarmless: (words) => words.includes('-l') && !words.includes('-r') && !words.includes('-e') },
  scrontab: { kind: 'later', isHarmless: first('-l', '--help') },
  strigger: { kind: 'later', isHarmless: (words) => words.includes('--get') },
  at: { kind: 'later', isHarmless: first('-l', '-c', '-V') },
  batch: { kind: 'later', isHarmless: never },
};

const SCONTROL_TELLS = new Set([
  'show',
  'ping',
  'help',
  'version',
  'hostnames',
  'hostlist',
  'listpids',
  'pidinfo',
  'wait_job',
  'getent',
]);

/** The first word that is neither an option nor the value of one. */
function verbOf(words: readonly string[]): string | undefined {
  return words.find((word, at) => !word.startsWith('-') && !/^(?:-M|--clusters|-u|--uid)$/.test(words[at - 1] ?? ''));
}

function tells(words: readonly string[]): boolean {
  const verb = verbOf(words);
  if (verb === undefined) return first('--help', '-h', '--usage', '--version', '-V')(words);
  // It takes a verb by its first letters: `sh` and `pi` tell, `s` might be a suspension.
  return (
    [...SCONTROL_TELLS].some((one) => one === verb.toLowerCase()) || (verb.length > 1 && 'show'.startsWith(verb.toLowerCase()))
  );
}

/** Whether a name is that of a program that is closed, whatever its arguments. */
export function isClosed(name: string): boolean {
  return Object.hasOwn(PROGRAMS, name);
}

/** What a command, as the words it is started with, asks of a scheduler or leaves for later. */
export function closedProgram([program = '', ...words]: readonly string[]): Detour | undefined {
  const name = programMeant(program, Object.keys(PROGRAMS));
  const closed = Object.hasOwn(PROGRAMS, name) ? PROGRAMS[name] : undefined;
  if (closed === undefined) return otherWays(name, words);
  if (closed.isHarmless(words)) return undefined;
  const verb = name === 'scontrol' ? verbOf(words) : undefined;
  return { kind: closed.kind, what: verb === undefined ? name : `${name} ${verb}` };
}

/** A scheduler's own web service, another name made for a closed program, and what takes our hooks away. */
function otherWays(name: string, words: readonly string[]): Detour | undefined {
  if (['curl', 'wget', 'http', 'https', 'xh'].includes(name)) {
    const asks = words.some((word) => /\/slurm\/v[\d.]+\/jobs?\b/.test(word));
    const changes = words.some((word) =>
      /\/job\/submit\b|^(?:-X)?(?:POST|DELETE)$|^--(?:request|method)=(?:POST|DELETE)$/.test(word),
    );
    return asks && changes ? { kind: 'submit', what: `${name} to slurmrestd` } : undefined;
  }
  if (['cp', 'ln', 'install', 'hash'].includes(name)) {
    const copied = words.find((word) => /^\/.*bin\//.test(word) && isClosed(baseName(word)));
    return copied === undefined ? undefined : { kind: 'submit', what: `another name for ${baseName(copied)}` };
  }
  if (['npm', 'pnpm', 'yarn', 'bun'].includes(name)) {
    const removes = words.some((word) => /^(?:un-?install|remove|rm|r|un|unlink)$/.test(word));
    return removes && words.some((word) => /^autolab-mcp(?:@|$)/.test(word))
      ? { kind: 'person', what: `${name} rm autolab-mcp` }
      : undefined;
  }
  if (['claude', 'codex', 'gemini'].includes(name) && ['plugin', 'plugins', 'mcp', 'extensions'].includes(words[0] ?? '')) {
    const removes = words.some((word) => /^(?:un-?install|remove|rm|disable)$/.test(word));
    const ours = words.some((word) => word.includes('autolab'));
    return removes && ours ? { kind: 'person', what: `${name} ${words.slice(0, 2).join(' ')}` } : undefined;
  }
  return undefined;
}

function named(names: readonly string[], program: Program): Record<string, Program> {
  return Object.fromEntries(names.map((name) => [name, program]));
}
