import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/**
 * A folder for the front of PATH whose `sh` is the real one, but kills its parent at the nth command that is given to the scheduler:
 * `before` it does its work, which it then does all the same, or `after` it, so that no reply arrives. Which commands there were is in
 * `commands`. 0 kills nobody.
 */
export function killer(folder: string, nth: number, when: 'before' | 'after'): { path: string; commands(): string[] } {
  const bin = join(folder, 'bin');
  const log = join(folder, 'commands');
  mkdirSync(bin, { recursive: true });
  writeFileSync(log, '');
  const text = `#!/bin/sh
if [ "$1" != -s ]; then exec /bin/sh "$@"; fi
printf '%s\\n' "$3" >>'${log}'
[ "$(wc -l <'${log}')" -eq ${nth} ] || exec /bin/sh "$@"
${when === 'before' ? 'cat >"$0.input"; kill -9 "$PPID"; exec /bin/sh "$@" <"$0.input"' : '/bin/sh "$@" >/dev/null; kill -9 "$PPID"'}
`;
  writeFileSync(join(bin, 'sh'), text);
  chmodSync(join(bin, 'sh'), 0o755);
  return {
    path: `${bin}:${process.env.PATH}`,
    commands: () => readFileSync(log, 'utf8').split('\n').filter(Boolean),
  };
}
