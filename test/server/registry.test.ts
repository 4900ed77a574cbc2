import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { RESERVED } from '../../src/cli/commands.ts';
import { fieldsOf } from '../../src/cli/fields.ts';
import { tools } from '../../src/tools/index.ts';

const agents = tools.filter((tool) => tool.audience === 'agent');

test('at most 16 tools, each told in less than 1,000 characters', () => {
  expect(agents.length).toBeLessThanOrEqual(16);
  expect(tools.filter((tool) => tool.description.length >= 1000 || tool.description === '').map((tool) => tool.name)).toEqual([]);
});

test('names and commands are told apart, and each tool is the file of its name', () => {
  const names = tools.map((tool) => tool.name);
  const commands = tools.map((tool) => tool.command.join(' '));
  const files = readdirSync(join(import.meta.dirname, '../../src/tools'));
  expect(new Set(names).size).toBe(names.length);
  expect(new Set(commands).size).toBe(commands.length);
  expect(names.filter((name) => !/^[a-z]+(?:_[a-z]+)*$/.test(name))).toEqual([]);
  expect(names.filter((name) => !files.includes(`${name.replaceAll('_', '-')}.ts`))).toEqual([]);
});

test.each(tools.map((tool) => [tool.name, tool] as const))(
  'every field of %s is described, is not a flag of every command, and is a field',
  (_, tool) => {
    const fields = fieldsOf(tool);
    expect(fields.filter((field) => field.description === '').map((field) => field.name)).toEqual([]);
    expect(fields.filter((field) => RESERVED.includes(field.name)).map((field) => field.name)).toEqual([]);
    expect((tool.positional ?? []).filter((name) => !fields.some((field) => field.name === name))).toEqual([]);
  },
);

test('misspelt arguments are errors everywhere', () => {
  const open = tools.filter(
    (tool) =>
      tool.input.safeParse({ no_such_argument: 1 }).error?.issues.every((issue) => issue.code !== 'unrecognized_keys') ?? true,
  );
  expect(open.map((tool) => tool.name)).toEqual([]);
});
