import type { Tool } from '../tools/tool.ts';
import { placeholder } from './arguments.ts';
import { commandFields } from './commands.ts';
import type { Field } from './fields.ts';
import { GLOBALS } from './globals.ts';
import { columns } from './render.ts';

/** All commands, those that agents can call as tools first. */
export function overview(tools: readonly Tool[]): string {
  const group = (audience: Tool['audience'][]): string[] =>
    columns(tools.filter((tool) => audience.includes(tool.audience)).map((tool) => [usage(tool), tool.title]));
  return [
    'autolab-mcp: experiments on a batch system or this machine, checked before anything happens',
    '',
    'Experiments (agents have these as tools):',
    ...group(['agent', 'command']),
    '',
    'For a person at a terminal:',
    ...group(['person']),
    ...columns([['watch', 'Watch the open runs without an agent: look, collect, extract, and send notices']]),
    '',
    'For agents:',
    ...columns([
      [
        'dashboard',
        'show runs, approvals, budget, policy and audit as pages for a browser: [--port N | --tunnel | --socket PATH]',
      ],
      ['serve', 'serve MCP over stdin and stdout, or with --http over HTTP; also what happens without a command and a terminal'],
      ['completion SHELL', 'what bash, zsh or fish read to complete commands and flags'],
    ]),
    '',
    'Every command takes:',
    ...columns(GLOBALS.map(describe)),
    '',
    '`autolab-mcp COMMAND --help` tells about one. Exit codes: 0 done, 1 refused, failed, waiting for approval or still running, 2 wrong usage.',
  ].join('\n');
}

/** One command: what it does, its flags with their defaults, and nothing that is not in its definition. */
export function commandHelp(tool: Tool): string {
  const fields = commandFields(tool);
  return [
    `autolab-mcp ${usage(tool)}${fields.length > 0 ? ' [flags]' : ''}`,
    '',
    ...wrap(`${tool.title}. ${tool.description}`, 100),
    '',
    ...flagsHelp(fields),
  ].join('\n');
}

/** The flags of a command, and those that every one takes. */
export function flagsHelp(fields: readonly Field[]): string[] {
  return [
    ...(fields.length > 0 ? ['Flags:', ...columns(fields.map(describe)), ''] : []),
    'Every command takes:',
    ...columns(GLOBALS.map(describe)),
  ];
}

function usage(tool: Tool): string {
  const words = commandFields(tool)
    .filter((field) => field.positional)
    .map((field) => (field.required ? placeholder(field) : `[${placeholder(field)}]`));
  return [...tool.command, ...words].join(' ');
}

function describe(field: Field): [string, string] {
  const value = { text: ' <text>', number: ' <number>', json: ' <json>', switch: '' }[field.kind];
  const notes = [
    field.choices.length > 0 && `one of: ${field.choices.join(', ')}`,
    field.required && 'required',
    field.many && 'may be repeated',
    field.default !== undefined &&
      field.default !== false &&
      `default: ${typeof field.default === 'string' ? field.default : JSON.stringify(field.default)}`,
  ].filter(Boolean);
  const flag = field.default === true ? `--[no-]${field.flag.slice(2)}` : field.flag;
  return [`${flag}${value}`, `${field.description}${notes.length > 0 ? ` (${notes.join('; ')})` : ''}`];
}

function wrap(text: string, width: number): string[] {
  const lines = [''];
  for (const word of text.split(/\s+/)) {
    const last = lines.at(-1) ?? '';
    if (last !== '' && last.length + word.length >= width) lines.push(word);
    else lines[lines.length - 1] = last === '' ? word : `${last} ${word}`;
  }
  return lines;
}
