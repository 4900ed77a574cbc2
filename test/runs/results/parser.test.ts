import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { execa, execaSync } from 'execa';
import { afterAll, describe, expect, test } from 'vitest';
import { Failure } from '../../../src/base/errors.ts';
import { type Design, parseDesign } from '../../../src/runs/autolab/design.ts';
import { parserCall, splitWords } from '../../../src/runs/results/parser.ts';
import { failureOf } from '../failing.ts';
import { designText, scratch } from '../samples.ts';

const design = (parser: string): Design => parseDesign(designText(parser), 'design.yaml');
const VALUES = {
  run_id: 'R1',
  iteration_id: 'it1',
  iteration_path: "/re po/it's",
  run_dir: '/re po/it/runs/R1',
  repo_root: '/re po',
};
const fault = (why: string) => new Failure('usage', { what: why, next: '' });

test.each([
  ['', []],
  ['  python3   parse.py\t--fast ', ['python3', 'parse.py', '--fast']],
  ["a 'b c' d", ['a', 'b c', 'd']],
  ['a "b c" d', ['a', 'b c', 'd']],
  ['a \'\' "" b', ['a', '', '', 'b']],
  ['--x="1 2"\'3 4\'5', ['--x=1 23 45']],
  ['a\\ b c', ['a b', 'c']],
  ['"a \\" \\\\ \\$ \\n"', ['a " \\ $ \\n']],
  ["'a \\ $x `y` | \"'", ['a \\ $x `y` | "']],
  ['"| & ; < > ( )"', ['| & ; < > ( )']],
  ["\\$x \\| \\'", ['$x', '|', "'"]],
  ['{run_dir} *.csv ~ # !', ['{run_dir}', '*.csv', '~', '#', '!']],
  ['ünï "cö dé"', ['ünï', 'cö dé']],
])('words of %j', (text, words) => {
  expect(splitWords(text, fault)).toEqual(words);
});

test('the words are those of a POSIX shell', () => {
  for (const text of ['a \'b c\'"d e"f\\ g \'\' "\\\\ \\a"', '--x="1 2"\'3 4\'5 \\\\ \\"']) {
    const { stdout } = execaSync('sh', ['-c', `for word in ${text}; do printf '%s\\n' "$word"; done`]);
    expect(splitWords(text, fault).join('\n')).toBe(stdout);
  }
});

test.each([
  ['a | b', '| b'],
  ['a && b', '&& b'],
  ['a; b', '; b'],
  ['a > out', '> out'],
  ['a < in', '< in'],
  ['a $(b)', '$(b)'],
  ['a $HOME', '$HOME'],
  ['a "$HOME"', '"$HOME"'],
  ['a `b`', '`b`'],
  ['a "`b`"', '"`b`"'],
  ['(a)', '(a)'],
  ["a 'b", "'b"],
  ['a "b', '"b'],
  ['a \\', '\\'],
])('%j is refused', (text, at) => {
  expect(failureOf(() => splitWords(text, fault)).what).toMatch(/^cannot be read as words from "/);
  expect(failureOf(() => splitWords(text, fault)).what).toContain(JSON.stringify(at).slice(1, -1));
});

describe('a command', () => {
  test('is split first and filled then, so that a path stays one word', () => {
    const call = parserCall(
      design("{ kind: command, command: 'python3 parse.py {run_dir} --it={iteration_path} {run_id}{run_id}' }"),
      VALUES,
      'py',
    );
    const argv = ['python3', 'parse.py', '/re po/it/runs/R1', "--it=/re po/it's", 'R1R1'];
    expect(call).toEqual({ argv, listed: ['python3', 'parse.py'], workingDir: '.' });
  });
  test('is listed up to its first placeholder, and whole where it begins with one', () => {
    const listed = (command: string) => parserCall(design(`{ kind: command, command: '${command}' }`), VALUES, 'py').listed;
    expect(listed('a b --c')).toEqual(['a', 'b', '--c']);
    expect(listed('a --c={run_id} b')).toEqual(['a']);
    expect(listed('{repo_root}/a b')).toEqual(['/re po/a', 'b']);
  });
  test('may have a working directory', () => {
    expect(parserCall(design('{ kind: command, command: x, working_dir: scripts }'), VALUES, 'py').workingDir).toBe('scripts');
  });
  test.each(['{run}', '{__proto__}', '{constructor}'])('with an unknown placeholder %s is refused', (name) => {
    expect(failureOf(() => parserCall(design(`{ kind: command, command: 'x ${name}' }`), VALUES, 'py'))).toEqual({
      code: 'file_invalid',
      what: `design.yaml: extract_parser.command has ${name}; known are {run_id}, {iteration_id}, {iteration_path}, {run_dir}, {repo_root}`,
      next: 'mend extract_parser in design.yaml',
      retry: false,
    });
  });
  test('that a shell would have to read is refused', () => {
    expect(failureOf(() => parserCall(design("{ kind: command, command: 'x | y' }"), VALUES, 'py'))).toMatchObject({
      code: 'file_invalid',
      what: expect.stringMatching(/^design\.yaml: extract_parser\.command: cannot be read as words from " \| y"/),
    });
  });
});

describe('a Python hook', () => {
  test('is listed as its module', () => {
    const call = parserCall(design('{ kind: python, module: lab.parse }'), VALUES, '/usr/bin/python3');
    expect(call.listed).toEqual(['/usr/bin/python3', '-m', 'lab.parse']);
    expect(call.argv.slice(3)).toEqual(['/re po', "/re po/it's", 'R1', 'lab.parse', 'parse_results']);
  });
  test.each(['x; import os', 'a.b()', '1a', 'a..b'])('of a callable that is no name is refused: %s', (name) => {
    expect(failureOf(() => parserCall(design(`{ kind: python, module: m, callable: '${name}' }`), VALUES, 'py'))).toMatchObject({
      code: 'file_invalid',
      what: `design.yaml: extract_parser.callable ${JSON.stringify(name)} is no Python name`,
    });
  });
});

// Without Python there is no hook to call; CI installs it, and there nothing is skipped.
const hasPython = execaSync('python3', ['--version'], { reject: false }).exitCode === 0;

describe.skipIf(!hasPython && !process.env.CI)('a Python hook, really called', () => {
  const repo = scratch('hooks');
  afterAll(repo.remove);
  let hooks = 0;
  const iteration = join(repo.path, 'experiments', 'plan', 'it1');
  mkdirSync(iteration, { recursive: true });
  const call = async (code: string, callable?: string) => {
    const module = `hook_${++hooks}`;
    writeFileSync(join(repo.path, `${module}.py`), code);
    const parser = `{ kind: python, module: ${module}${callable ? `, callable: ${callable}` : ''} }`;
    const { argv } = parserCall(design(parser), { ...VALUES, repo_root: repo.path, iteration_path: iteration }, 'python3');
    const [program, ...args] = argv;
    const { exitCode, stdout, stderr } = await execa(program, args, { reject: false, cwd: iteration });
    return { exitCode, stdout, stderr };
  };
  const given = JSON.stringify([repo.path, iteration, 'R1']);

  test('gets the keyword arguments it takes, and only its result is printed', async () => {
    const code = `import os\nimport subprocess
def parse_results(repo_root, iteration_dir, run_id):
    print('noise')
    os.write(1, b'raw noise\\n')
    subprocess.run(['echo', 'noise of a child'])
    return [str(repo_root), str(iteration_dir), run_id]
`;
    const done = await call(code);
    expect({ exitCode: done.exitCode, stdout: JSON.stringify(JSON.parse(done.stdout)) }).toEqual({ exitCode: 0, stdout: given });
    expect(done.stderr.split('\n').sort()).toEqual(['noise', 'noise of a child', 'raw noise']);
  });
  test('may take fewer, or any', async () => {
    const some = await call('def parse_results(run_id):\n    return run_id\n');
    const any = await call('def parse_results(**given):\n    return sorted(given)\n');
    expect([some.stdout, any.stdout]).toEqual(['"R1"', '["iteration_dir", "repo_root", "run_id"]']);
  });
  test('may be a member of something', async () => {
    const done = await call('class Lab:\n    @staticmethod\n    def go(run_id):\n        return {"run": run_id}\n', 'Lab.go');
    expect(done.stdout).toBe('{"run": "R1"}');
  });
  test.each([
    ['raises', 'def parse_results():\n    raise ValueError("no data")\n', 'ValueError: no data'],
    ['gives what is no JSON', 'def parse_results():\n    return object()\n', 'not JSON serializable'],
    ['is not there', 'x = 1\n', 'parse_results'],
    ['wants more than there is', 'def parse_results(more):\n    return 1\n', 'more'],
    ['is no Python', 'def\n', 'SyntaxError'],
  ])('that %s fails and prints no result', async (_what, code, words) => {
    const done = await call(code);
    expect(done).toMatchObject({ exitCode: 1, stdout: '' });
    expect(done.stderr).toContain(words);
  });
});
