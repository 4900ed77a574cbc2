import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, expect, test } from 'vitest';
import type { Tiny } from '../support/tiny.ts';
import { forgetTemplate, makeTiny, TINY_POLICY } from '../support/tiny.ts';

let tiny: Tiny;
afterEach(() => tiny.remove());
afterAll(forgetTemplate);

/** What an experiment on top of another asks of it: the other's result, of the right step, and a shift that it has. */
const CHECK = `import { existsSync, readFileSync } from 'node:fs';
import { limits } from './limits.mjs';
const { symmetrise, steps, shift, shifts } = JSON.parse(readFileSync('config.json', 'utf8'));
const start = \`start/RG\${steps - 1}.json\`;
const wrong = [
  symmetrise !== 0 && \`symmetrise is \${symmetrise}; an experiment wants 0\`,
  !existsSync(start) && \`\${start} is not there\`,
  existsSync(start) && JSON.parse(readFileSync(start, 'utf8')).sum !== limits.samples && \`\${start} does not hold \${limits.samples} samples\`,
  !(shift >= 0 && shift < shifts) && \`shift \${shift} of \${shifts}\`,
].filter(Boolean);
console.error(wrong.join('\\n'));
process.exit(wrong.length > 0 ? 1 : 0);
`;
const CONFIG = { symmetrise: 0, steps: 5, shift: 0, shifts: 1 };

async function make(config: object, sum = 3200): Promise<void> {
  tiny = await makeTiny((path) => {
    const folder = join(path, 'experiments', 'plan', 'tiny');
    writeFileSync(
      join(path, '.autolab', 'verifier_policy.yaml'),
      TINY_POLICY.replace('gate:\n', 'gate:\n  allow: { commands: [[node, check.mjs]] }\n'),
    );
    writeFileSync(
      join(folder, 'launch', 'launch.yaml'),
      'schema_version: "1"\nsite: local\npreflight: [[node, check.mjs]]\nenvironment: { pass: [PATH] }\n',
    );
    writeFileSync(join(folder, 'check.mjs'), CHECK);
    writeFileSync(join(folder, 'limits.mjs'), 'export const limits = { samples: 3200 };\n');
    writeFileSync(join(folder, 'config.json'), JSON.stringify(config));
    mkdirSync(join(folder, 'start'));
    writeFileSync(join(folder, 'start', 'RG4.json'), JSON.stringify({ sum }));
  });
}
async function refused(): Promise<string> {
  const { exit, stdout, stderr } = await tiny.run(['submit']);
  expect(exit).toBe(1);
  expect(existsSync(join(tiny.iteration, 'runs'))).toBe(false);
  return `${stdout}${stderr}`;
}

test('what an experiment stands on is there and right: it is submitted', async () => {
  await make(CONFIG);
  expect(await tiny.run(['submit'])).toMatchObject({ exit: 0, stdout: expect.stringContaining('is submitted') });
});

test.each<[string, object, number, RegExp]>([
  ['a default that is meant for something else', { ...CONFIG, symmetrise: 1 }, 3200, /symmetrise is 1; an experiment wants 0/],
  ['steps whose result is not there', { ...CONFIG, steps: 9 }, 3200, /start\/RG8\.json is not there/],
  ['a result that does not hold', CONFIG, 37, /start\/RG4\.json does not hold 3200 samples/],
  ['an index out of range', { ...CONFIG, shift: 9 }, 3200, /shift 9 of 1/],
])('with %s nothing is submitted', async (_what, config, sum, words) => {
  await make(config, sum);
  expect(await refused()).toMatch(words);
});

test('a module that was not brought along is found before there is any job', async () => {
  await make(CONFIG);
  rmSync(join(tiny.iteration, 'limits.mjs'));
  expect(await refused()).toMatch(/limits\.mjs/);
});
