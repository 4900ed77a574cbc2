import { mkdirSync, mkdtempSync, readFileSync, realpathSync, writeFileSync } from 'node:fs';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import type { Place } from '../../src/hook/judge.ts';
import { guardOf } from '../../src/hook/paths.ts';

/** The commands of a list: one a line, or several lines between `{{{` and `}}}`. */
export function commandsIn(file: string): string[] {
  const text = readFileSync(join(import.meta.dirname, file), 'utf8');
  return [...text.matchAll(/^\{\{\{\n([\s\S]*?)\n\}\}\}$|^(.+)$/gm)].map(([, block, line]) => block ?? line ?? '');
}

/** A repository that `init` has been in, as far as what is guarded in it goes, and a session that begins there. */
export function placeInRepository(which: Place['which'] = () => 'none'): Place & { repo: string } {
  const repo = realpathSync(mkdtempSync(join(tmpdir(), 'autolab-hook-')));
  mkdirSync(join(repo, '.autolab', 'gate'), { recursive: true });
  mkdirSync(join(repo, 'experiments', 'plan', 'softmax', 'runs', 'r1', 'gate'), { recursive: true });
  writeFileSync(join(repo, '.autolab', 'gate', 'id'), '{}');
  writeFileSync(join(repo, '.autolab', 'verifier_policy.yaml'), 'gate: {}\n');
  return { repo, cwd: repo, home: userInfo().homedir, guard: guardOf(repo), which };
}
