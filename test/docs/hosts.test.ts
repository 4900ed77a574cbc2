import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import { fileOf, HOSTS, withServer } from '../../src/tools/host-files.ts';
import { tools } from '../../src/tools/index.ts';
import { ROOT } from '../support/repo.ts';

const read = (path: string) => readFileSync(join(ROOT, path), 'utf8');
const blocks = (text: string) => [...text.matchAll(/^```\w+\n([\s\S]*?)^```$/gm)].map(([, block = '']) => block);
const job = readdirSync(join(ROOT, 'scripts', 'hosts')).map((file) => read(`scripts/hosts/${file}`));

test('every host that setup knows has its page, and nobody else', () => {
  expect(readdirSync(join(ROOT, 'docs', 'hosts')).sort()).toEqual(HOSTS.map((host) => `${host}.md`).sort());
});

test.each(HOSTS)('the page of %s shows what setup writes, and is found', (host) => {
  const page = read(`docs/hosts/${host}.md`);
  expect(blocks(page)).toEqual([withServer(host, undefined)]);
  expect(page).toContain(`\`autolab-mcp setup ${host}\` writes \`${fileOf(host)}\``);
  expect(page.split('\n').length).toBeLessThanOrEqual(60);
  expect(read('README.md')).toContain(`(docs/hosts/${host}.md)`);
  for (const path of ['docs/plugin.md', 'docs/agents.md']) expect(read(path)).toContain(`(hosts/${host}.md)`);
});

test.each(HOSTS)('what the page of %s says was tried is what stands in the record', (host) => {
  const versions = [...read('docs/plugin.md').matchAll(new RegExp(`^\\| ${host} \\| (\\S+) \\|.*\\| ok \\|$`, 'gm'))].map(
    ([, one = '']) => one,
  );
  const [, tried] = /^Tried: (\d\S*),/m.exec(read(`docs/hosts/${host}.md`)) ?? [];
  expect([...new Set(versions)].filter((version) => version !== '–')).toEqual(tried === undefined ? [] : [tried]);
  expect(job.filter((text) => text.includes(`name: '${host}'`))).toHaveLength(1);
});

test.each(['docs/agents.md', 'docs/plugin.md', 'docs/mcp.md', ...HOSTS.map((host) => `docs/hosts/${host}.md`)])(
  'the links of %s lead somewhere',
  (path) => {
    const links = [...read(path).matchAll(/\]\(([^)#]+)/g)].map(([, link = '']) => link);
    expect(links.length).toBeGreaterThan(0);
    expect(links.filter((link) => !existsSync(join(ROOT, dirname(path), link)))).toEqual([]);
  },
);

test('the lines for an AGENTS.md are five, and name operations and arguments that there are', () => {
  const [lines = '', ...more] = blocks(read('docs/agents.md'));
  expect(more).toEqual([]);
  expect(lines.trimEnd().split('\n')).toHaveLength(5);
  const known = new Set(tools.flatMap((tool) => [tool.name, ...Object.keys(tool.input.shape)]));
  const named = lines.match(/\b[a-z]+_[a-z_]+\b/g) ?? [];
  expect(named.length).toBeGreaterThan(5);
  expect(named.filter((word) => !known.has(word))).toEqual([]);
});
