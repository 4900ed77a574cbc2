import { Failure } from '../base/errors.ts';
import { jsonOf } from '../base/json.ts';
import { quote } from '../base/text.ts';

export const HOSTS = ['claude-code', 'codex', 'vscode', 'cursor', 'gemini'] as const;
export type Host = (typeof HOSTS)[number];

/** Where each host looks for the servers of a project, and under which key. Codex has TOML. */
const FILES: Readonly<Record<Host, { file: string; key?: string; typed?: true }>> = {
  'claude-code': { file: '.mcp.json', key: 'mcpServers', typed: true },
  codex: { file: '.codex/config.toml' },
  vscode: { file: '.vscode/mcp.json', key: 'servers', typed: true },
  cursor: { file: '.cursor/mcp.json', key: 'mcpServers' },
  gemini: { file: '.gemini/settings.json', key: 'mcpServers' },
};

const NAME = 'autolab';
const COMMAND = 'autolab-mcp';
const ARGS = ['serve'];

/** The file of a host, from the repository on. */
export function fileOf(host: Host): string {
  return FILES[host].file;
}

/**
 * The file of a host with this server in it, all else as it was. Pure. A file that is no JSON object is not written over: `file_invalid`, with what to add by hand.
 */
export function withServer(host: Host, text: string | undefined): string {
  const { file, key, typed } = FILES[host];
  if (key === undefined) return inToml(text ?? '');
  const entry = { ...(typed ? { type: 'stdio' } : {}), command: COMMAND, args: ARGS };
  const whole = text === undefined || text.trim() === '' ? {} : object(jsonOf(text));
  const servers = whole && (whole[key] === undefined ? {} : object(whole[key]));
  if (!whole || !servers)
    throw new Failure('file_invalid', {
      what: `${file} is not what a host's configuration is`,
      why: 'it is no JSON without comments, or has something else where servers are named',
      next: `add by hand, under ${key}: ${JSON.stringify({ [NAME]: entry })}`,
    });
  if (JSON.stringify(servers[NAME]) === JSON.stringify(entry) && text !== undefined) return text;
  return `${JSON.stringify({ ...whole, [key]: { ...servers, [NAME]: entry } }, null, indentOf(text))}\n`;
}

function inToml(text: string): string {
  const block = `[mcp_servers.${NAME}]\ncommand = "${COMMAND}"\nargs = ${JSON.stringify(ARGS)}\n`;
  const table = new RegExp(`^\\s*\\[\\s*mcp_servers\\s*\\.\\s*"?${NAME}"?\\s*\\]`, 'm');
  if (!table.test(text)) return `${text === '' || text.endsWith('\n') ? text : `${text}\n`}${text === '' ? '' : '\n'}${block}`;
  if (text.includes(block)) return text;
  throw new Failure('file_invalid', {
    what: `${FILES.codex.file} names a server ${NAME} already, and another one`,
    why: quote(table.exec(text)?.[0] ?? '', 80),
    next: `make it by hand:\n${block}`,
  });
}

function object(value: unknown): Record<string, unknown> | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? { ...value } : undefined;
}

/** As the file has it. */
function indentOf(text: string | undefined): string | number {
  return /\n([ \t]+)"/.exec(text ?? '')?.[1] ?? 2;
}
