import { Failure } from '../../base/errors.ts';
import { quote } from '../../base/text.ts';
import type { Design } from '../autolab/design.ts';

export type ParserCall = {
  argv: [string, ...string[]];
  /** What the policy lists: for a Python hook the module, not the harness around it. */
  listed: string[];
  /** Relative to the repository. */
  workingDir: string;
};

export type ParserValues = { run_id: string; iteration_id: string; iteration_path: string; run_dir: string; repo_root: string };

/**
 * Calls the hook with the keyword arguments of the reference's contract and prints what it gives as JSON. What the hook itself, or a
 * program it starts, writes to its standard output goes to the error output instead.
 */
const PYTHON = `
import importlib, inspect, json, os, pathlib, sys
out = os.fdopen(os.dup(1), 'w')
os.dup2(2, 1)
sys.stdout = sys.stderr
repo, iteration, run_id, module, name = sys.argv[1:6]
sys.path.insert(0, repo)
hook = importlib.import_module(module)
for part in name.split('.'):
    hook = getattr(hook, part)
given = {'repo_root': pathlib.Path(repo), 'iteration_dir': pathlib.Path(iteration), 'run_id': run_id}
taken = inspect.signature(hook).parameters
if not any(p.kind is inspect.Parameter.VAR_KEYWORD for p in taken.values()):
    given = {key: value for key, value in given.items() if key in taken}
result = hook(**given)
out.write(json.dumps(result))
`;

/** The parser of a design as one command. Placeholders are filled in after splitting, so that no path can become two words. */
export function parserCall(design: Design, values: ParserValues, python: string): ParserCall {
  const { parser } = design;
  const workingDir = parser.working_dir?.trim() || '.';
  if (parser.kind === 'python') {
    const module = parser.module ?? '';
    const callable = parser.callable?.trim() || 'parse_results';
    if (!/^[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*$/.test(callable))
      throw invalid(design, `extract_parser.callable ${JSON.stringify(callable)} is no Python name`);
    return {
      argv: [python, '-c', PYTHON, values.repo_root, values.iteration_path, values.run_id, module, callable],
      listed: [python, '-m', module],
      workingDir,
    };
  }
  const words = splitWords(parser.command ?? '', (why) => invalid(design, `extract_parser.command: ${why}`));
  const [program, ...rest] = words.map((word) => fill(word, values, design));
  if (program === undefined) throw invalid(design, 'extract_parser.command is empty');
  const own = words.findIndex((word) => PLACEHOLDER.test(word));
  const listed = own > 0 ? [program, ...rest].slice(0, own) : [program, ...rest];
  return { argv: [program, ...rest], listed, workingDir };
}

/** A parser as its design names it, for a message: the command before its placeholders are filled in, or the hook. */
export function parserWords({ parser }: Design): string {
  const hook = `${parser.module ?? ''}:${parser.callable?.trim() || 'parse_results'}`;
  return quote(parser.kind === 'python' ? hook : (parser.command ?? ''), 200);
}

/** Words before the first of these are the same for every run: the policy lists those. */
const PLACEHOLDER = /\{\w+\}/;

function fill(word: string, values: ParserValues, design: Design): string {
  return word.replace(/\{(\w+)\}/g, (_whole, key: string) => {
    if (Object.hasOwn(values, key)) return values[key as keyof ParserValues];
    throw invalid(
      design,
      `extract_parser.command has {${key}}; known are ${Object.keys(values)
        .map((one) => `{${one}}`)
        .join(', ')}`,
    );
  });
}

/** Words as a POSIX shell splits them, quotes taken off; operators and expansions are refused, since no shell will read them. */
export function splitWords(text: string, fault: (why: string) => Failure): string[] {
  const words: string[] = [];
  const pattern = /\s*((?:'[^']*'|"(?:[^"\\$`]|\\.)*"|\\.|[^\s'"\\|&;<>()$`])+)/y;
  const trimmed = text.trim();
  while (pattern.lastIndex < trimmed.length) {
    const at = pattern.lastIndex;
    const match = pattern.exec(trimmed);
    if (!match?.[1])
      throw fault(
        `cannot be read as words from ${JSON.stringify(trimmed.slice(at, at + 20))}: no shell runs it, so | & ; < > ( ) $ and backticks mean nothing`,
      );
    words.push(
      match[1].replace(
        /'([^']*)'|"((?:[^"\\]|\\.)*)"|\\(.)/g,
        (_all, single?: string, double?: string, escaped?: string) =>
          single ?? double?.replace(/\\(["\\$`])/g, '$1') ?? escaped ?? '',
      ),
    );
  }
  return words;
}

function invalid(design: Design, what: string): Failure {
  return new Failure('file_invalid', { what: `${design.file}: ${what}`, next: 'mend extract_parser in design.yaml' });
}
