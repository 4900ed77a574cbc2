// Makes a clone ready to run: installs what package-lock.json says if that has not been done, then builds. Needs Node and npm alone.
import { spawnSync } from 'node:child_process';
import { statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const changed = (path) => statSync(join(root, path), { throwIfNoEntry: false })?.mtimeMs ?? 0;

/** npm as npm itself started us, else the one on PATH. */
function npm(...words) {
  const own = process.env.npm_execpath?.endsWith('npm-cli.js') ? [process.execPath, process.env.npm_execpath] : ['npm'];
  return step(`npm ${words.join(' ')}`, [...own, ...words]);
}

function step(title, [program, ...words]) {
  console.log(`prepare: ${title}`);
  const { status, error } = spawnSync(program, words, { cwd: root, stdio: ['ignore', 'ignore', 'inherit'] });
  if (status === 0) return;
  console.error(`prepare: ${title} failed${error ? `: ${error.message}` : ` with exit code ${status}`}`);
  process.exit(1);
}

if (changed('node_modules/.package-lock.json') < changed('package-lock.json'))
  npm('ci', '--no-audit', '--no-fund', '--ignore-scripts', '--loglevel=error');
step('build', [process.execPath, join(root, 'scripts', 'build.mjs')]);
