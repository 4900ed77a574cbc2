// Asks the hosts' own programs what they make of the plugin and of what `autolab-mcp setup HOST` writes: installs each from npm into a scratch folder, runs it
// there with a HOME of its own and no account, and prints a table. `npm run hosts [HOST...]`; exit code 1 if anything failed or a program could not be had.
import { rmSync } from 'node:fs';
import { claudeCode } from './hosts/claude-code.mjs';
import { codex } from './hosts/codex.mjs';
import { copilot } from './hosts/copilot.mjs';
import { cursor, vscode } from './hosts/editors.mjs';
import { gemini } from './hosts/gemini.mjs';
import { makePlace } from './hosts/place.mjs';

const HOSTS = [claudeCode, codex, gemini, copilot, vscode, cursor];
const wanted = process.argv.slice(2);
const unknown = wanted.filter((name) => !HOSTS.some((host) => host.name === name));
if (unknown.length > 0) {
  console.error(`hosts: no ${unknown.join(', ')}; there are ${HOSTS.map(({ name }) => name).join(', ')}`);
  process.exit(1);
}

const rows = [];
const tell = (host, version, what, result) => {
  rows.push({ host, result });
  console.log(`| ${[host, version, what, result].map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`);
};

console.log(`${new Date().toISOString().slice(0, 10)}, Node ${process.version}, ${process.platform}-${process.arch}\n`);
console.log('| host | version | what was run | result |\n|---|---|---|---|');
for (const { name, npm, version, checks } of HOSTS.filter((host) => wanted.length === 0 || wanted.includes(host.name))) {
  const place = makePlace();
  try {
    let found = '–';
    if (npm !== undefined) {
      try {
        place.install(npm);
        found = await version(place);
      } catch (error) {
        tell(name, '–', npm, `could not be had: ${firstLine(error)}`);
        continue;
      }
    }
    for (const [what, check] of checks) {
      try {
        tell(name, found, what, (await check(place)) ?? 'ok');
      } catch (error) {
        tell(name, found, what, `FAILED: ${firstLine(error)}`);
      }
    }
  } finally {
    rmSync(place.folder, { recursive: true, force: true, maxRetries: 5 });
  }
}

const count = (test) => rows.filter(({ result }) => test(result)).length;
const [ok, failed, absent] = [
  count((result) => result === 'ok'),
  count((result) => result.startsWith('FAILED')),
  count((result) => result.startsWith('could not')),
];
console.log(`\n${ok} ok, ${failed} failed, ${absent} could not be had, ${rows.length - ok - failed - absent} not tried`);
process.exitCode = failed + absent > 0 || ok === 0 ? 1 : 0;

function firstLine(error) {
  const text = error instanceof Error ? error.message : String(error);
  return text.trim().split('\n')[0].slice(0, 200);
}
