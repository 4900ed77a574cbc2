import * as z from 'zod';
import { readArguments } from './arguments.ts';
import type { Field } from './fields.ts';
import { plainFlag } from './fields.ts';

export type Globals = {
  json: boolean;
  help: boolean;
  version: boolean;
  wait: boolean;
  repo?: string;
  stateFile?: string;
  ceiling?: string;
};

/** The flags that every command takes, before or after its own words. */
export const GLOBALS: readonly Field[] = [
  plainFlag('json', 'switch', 'print exactly the structured output, and what is no result as JSON on stderr'),
  plainFlag('repo', 'text', 'look for the repository from this folder upwards instead of from here'),
  plainFlag('state-file', 'text', 'Autolab’s own: the repository is the folder above its .autolab'),
  plainFlag('ceiling', 'text', 'a policy file over the repository’s own, which only tightens it'),
  plainFlag('wait', 'switch', 'wait for longer work; without it, exit with 1 while it runs', true),
  plainFlag('help', 'switch', 'this text'),
  plainFlag('version', 'switch', 'the version'),
];

const read = z.object({
  json: z.boolean().default(false),
  help: z.boolean().default(false),
  version: z.boolean().default(false),
  wait: z.boolean().default(true),
  repo: z.string().optional(),
  state_file: z.string().optional(),
  ceiling: z.string().optional(),
});

/** Takes the flags of the program out of a command line, wherever they stand before `--`, and leaves the command its own words. */
export function readGlobals(argv: readonly string[]): { globals: Globals; own: string[] } {
  const { global, own } = split(argv);
  const { repo, state_file: stateFile, ceiling, ...switches } = read.parse(readArguments('', GLOBALS, global));
  return {
    globals: {
      ...switches,
      ...(repo === undefined ? {} : { repo }),
      ...(stateFile === undefined ? {} : { stateFile }),
      ...(ceiling === undefined ? {} : { ceiling }),
    },
    own,
  };
}

function split(argv: readonly string[]): { global: string[]; own: string[] } {
  const global: string[] = [];
  const own: string[] = [];
  for (let at = 0; at < argv.length; at++) {
    const word = argv[at] ?? '';
    if (word === '--') {
      own.push(...argv.slice(at));
      break;
    }
    const field = GLOBALS.find(
      (one) =>
        word === one.flag || word.startsWith(`${one.flag}=`) || (one.kind === 'switch' && word === `--no-${one.flag.slice(2)}`),
    );
    if (word === '-h') global.push('--help');
    else if (field === undefined) own.push(word);
    else if (field.kind === 'switch' || word.includes('=')) global.push(word);
    else global.push(...argv.slice(at, ++at + 1));
  }
  return { global, own };
}
