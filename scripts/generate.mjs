// Writes what is derived from the source: the tool table of the README, the reference of all operations, the JSON Schemas of policy, notices and sites, the wire
// form of tools/list, and the copies that make up the plugin for Codex.
// `--check` writes nothing and exits 1 naming each file that is not what it would write.
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { build } from 'esbuild';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');

/** The source itself, bundled for this one use, so that nothing has to be built before. */
async function source() {
  const folder = await mkdtemp(join(tmpdir(), 'autolab-generate-'));
  try {
    const outfile = join(folder, 'dist', 'source.mjs');
    await writeFile(join(folder, 'package.json'), await readFile(join(root, 'package.json')));
    await build({
      stdin: {
        contents: `export { tools } from './src/tools/index.ts';
          export { definitions } from './src/server/definitions.ts';
          export { jsonSchema } from './src/policies/schema.ts';
          export { noticesSchema } from './src/runs/notices/config.ts';
          export { sitesSchema } from './src/sites/index.ts';`,
        resolveDir: root,
      },
      outfile,
      bundle: true,
      platform: 'node',
      format: 'esm',
      target: 'node20',
      banner: { js: "import{createRequire as requireFrom}from'node:module';const require=requireFrom(import.meta.url);" },
      logLevel: 'error',
    });
    return await import(pathToFileURL(outfile).href);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function table(tools) {
  const cell = (text) => text.replaceAll('|', '\\|').replaceAll('\n', ' ');
  const row = (cells) => `| ${cells.map(cell).join(' | ')} |`;
  const agents = tools.filter((tool) => tool.audience === 'agent');
  const others = tools.filter((tool) => tool.audience !== 'agent');
  const rows = [...agents, ...others].map((tool) =>
    row([tool.audience === 'agent' ? `\`${tool.name}\`` : '', `\`${tool.command.join(' ')}\``, tool.effect, tool.title]),
  );
  return [row(['tool', 'command', 'effect', 'what it does']), '|---|---|---|---|', ...rows].join('\n');
}

/** Replaces what stands between the two markers; a README without them is a mistake of whoever wrote it. */
function withTable(readme, tools) {
  const [begin, end] = ['<!-- tools -->', '<!-- /tools -->'];
  const [before, rest] = readme.split(begin);
  const after = rest?.split(end)[1];
  if (after === undefined) throw new Error(`README.md has no ${begin} … ${end} to put the table between`);
  return `${before}${begin}\n${table(tools)}\n${end}${after}`;
}

/** Every operation with its arguments, for people who look something up. */
function reference(tools) {
  const wire = definitions(tools.map((tool) => ({ ...tool, audience: 'agent' })));
  const sections = tools.map((tool, at) => {
    const { properties = {}, required = [] } = wire[at].inputSchema;
    const rows = Object.entries(properties).map(
      ([name, field]) =>
        `| \`${name}\` | ${kindOf(field)} | ${required.includes(name) ? 'needed' : field.default === undefined ? '' : `\`${JSON.stringify(field.default)}\``} | ${(field.description ?? '').replaceAll('|', '\\|')} |`,
    );
    const who = {
      agent: 'An MCP tool and a command.',
      command: 'A command; resources are read through it.',
      person: 'A command for people.',
    }[tool.audience];
    return [
      `## ${tool.audience === 'agent' ? tool.name : tool.command.join(' ')}`,
      `${tool.title}. ${who} Effect: ${tool.effect}. \`autolab-mcp ${[...tool.command, ...(tool.positional ?? []).map((name) => `[${name.toUpperCase()}]`)].join(' ')}\``,
      tool.description,
      ...(rows.length === 0
        ? ['It takes nothing.']
        : [['| argument | type | default | what |', '|---|---|---|---|', ...rows].join('\n')]),
    ].join('\n\n');
  });
  return ['# Operations', 'Written by `npm run generate` from the definitions; do not edit.', ...sections]
    .join('\n\n')
    .concat('\n');
}

function kindOf({ type, items, anyOf, enum: words, ...rest }) {
  if (words) return words.map((word) => `\`${word}\``).join(', ');
  if (anyOf) return anyOf.map((one) => kindOf(one)).join(' or ');
  if (type === 'array') return `list of ${kindOf(items ?? {})}`;
  return type ?? ('const' in rest ? `\`${rest.const}\`` : 'any');
}

const json = (value) => `${JSON.stringify(value, null, 2)}\n`;
const read = (path) =>
  readFile(join(root, path), 'utf8').catch((error) => (error.code === 'ENOENT' ? '' : Promise.reject(error)));

/** Codex loads no hooks from a folder that has a manifest of Agent Plugins, and starts its server in that folder (0.171): it gets one without. */
async function forCodex() {
  const skills = await readdir(join(root, 'plugin', 'skills'));
  const copied = ['.mcp.json', 'hooks/hooks.json', ...skills.map((skill) => `skills/${skill}/SKILL.md`)];
  return copied.map((path) => [`plugin/codex/${path}`, () => read(`plugin/${path}`)]);
}

const { tools, definitions, jsonSchema, noticesSchema, sitesSchema } = await source();
const files = [
  ['README.md', async () => withTable(await read('README.md'), tools)],
  ['docs/tools.md', async () => reference(tools)],
  ['docs/policy.schema.json', async () => json(jsonSchema())],
  ['docs/notices.schema.json', async () => json(noticesSchema())],
  ['docs/sites.schema.json', async () => json(sitesSchema())],
  ['src/server/tools-list.json', async () => json(definitions(tools))],
  ...(await forCodex()),
];
for (const [path, make] of files) {
  try {
    const fresh = await make();
    if (fresh === (await read(path))) continue;
    if (process.argv.includes('--check')) throw new Error(`${path} is stale: run \`npm run generate\``);
    await mkdir(dirname(join(root, path)), { recursive: true });
    await writeFile(join(root, path), fresh);
    console.log(`generate: ${path}`);
  } catch (error) {
    console.error(`generate: ${error.message}`);
    process.exitCode = 1;
  }
}
