import { spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const ROOT = join(dirname(fileURLToPath(import.meta.url)), '..', '..');
/** How many tools agents are shown. */
export const TOOLS = JSON.parse(readFileSync(join(ROOT, 'src', 'server', 'tools-list.json'), 'utf8')).length;
export const SKILLS = ['recover-run', 'run-experiment'];
const PATIENCE = 120_000;

/**
 * A folder with a HOME, repositories and programs of its own. Programs see nothing of the environment of whoever starts the job: no account, no key, no setting.
 */
export function makePlace() {
  const folder = mkdtempSync(join(tmpdir(), 'autolab-hosts-'));
  const home = join(folder, 'home');
  const bin = join(folder, 'bin');
  for (const path of [home, bin]) mkdirSync(path);
  const shim = join(bin, 'autolab-mcp');
  writeFileSync(shim, `#!/bin/sh\nexec '${process.execPath}' '${join(ROOT, 'dist', 'main.mjs')}' "$@"\n`);
  chmodSync(shim, 0o755);
  const env = {
    HOME: home,
    PATH: [bin, join(folder, 'node_modules', '.bin'), process.env.PATH].join(':'),
    LANG: 'C.UTF-8',
    TERM: 'dumb',
    DISABLE_AUTOUPDATER: '1',
    CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: '1',
    GEMINI_CLI_TRUST_WORKSPACE: 'true',
  };
  const place = {
    folder,
    home,
    env,
    install(name) {
      const words = ['install', '--loglevel=error', '--no-audit', '--no-fund', '--prefix', folder, `${name}@latest`];
      const { status, stderr } = spawnSync('npm', words, { encoding: 'utf8', timeout: 10 * PATIENCE });
      if (status !== 0) throw new Error(stderr.trim() || 'npm gave no reason');
    },
    /** What a program prints, stderr behind stdout. Throws where it ends with anything but 0. */
    run(cwd, program, ...words) {
      const { status, stdout, stderr, error } = spawnSync(program, words, {
        cwd,
        env,
        encoding: 'utf8',
        timeout: PATIENCE,
        stdio: ['ignore', 'pipe', 'pipe'],
      });
      if (error) throw error;
      if (status !== 0) throw new Error(`exit code ${status}: ${stderr.trim() || stdout.trim()}`);
      return `${stdout}${stderr}`;
    },
    /** A new repository, with what `setup` writes for `host` if one is named. */
    repository(name, host) {
      const path = join(folder, name);
      mkdirSync(path);
      place.run(path, 'git', 'init', '--quiet');
      place.run(path, 'autolab-mcp', 'init', 'first');
      if (host !== undefined) {
        const { file, content } = JSON.parse(place.run(path, 'autolab-mcp', 'setup', host, '--dry-run', '--json'));
        write(join(path, file), content);
      }
      return path;
    },
  };
  return place;
}

export function write(path, content) {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, content);
}

/** Throws with what there is, unless it is what it should be. */
export function expect(isSo, there) {
  if (!isSo)
    throw new Error(
      `there is: ${typeof there === 'string' ? there.trim().split('\n').slice(-3).join(' / ') : JSON.stringify(there)}`,
    );
}
