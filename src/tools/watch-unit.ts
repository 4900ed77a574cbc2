import { existsSync } from 'node:fs';
import { basename, join } from 'node:path';
import { account } from '../base/account.ts';
import { PACKAGE } from '../base/package.ts';

/** What the programs of a site are found by; a service of the user has none of it by itself. */
const KEPT = ['PATH', 'SLURM_CONF', 'SLURM_CLUSTERS', 'SGE_ROOT', 'SGE_CELL', 'SGE_QMASTER_PORT'];

/** Where systemd looks for the services of a user, in the home that the password database names (systemd.unit(5)). */
export function unitPath(tag: string): string {
  return join(account().homedir, '.config', 'systemd', 'user', unitName(tag));
}

export function unitName(tag: string): string {
  return `autolab-watch-${tag}.service`;
}

/** The words that start a watcher of this repository. */
export function watchCommand(repo: string, ...flags: string[]): string[] {
  return [process.execPath, join(PACKAGE, 'dist', 'main.mjs'), 'watch', ...flags, '--repo', repo];
}

/** A service that watches one repository. 143: ended by TERM, which is how systemd ends it (systemd.service(5)). */
export function unitText(repo: string): string {
  const kept = KEPT.flatMap((name) => (process.env[name] ? [`Environment=${word(`${name}=${process.env[name]}`)}`] : []));
  return [
    '# Written by autolab-mcp watch --install; taken away by autolab-mcp watch --uninstall.',
    '[Unit]',
    `Description=Runs of ${basename(repo).replace(/[^\w. -]/g, '_')}, watched by autolab-mcp`,
    '',
    '[Service]',
    ...kept,
    `ExecStart=${watchCommand(repo, '--standby').map(argument).join(' ')}`,
    'Restart=on-failure',
    'RestartSec=60',
    'SuccessExitStatus=143',
    'UMask=0077',
    '',
    '[Install]',
    'WantedBy=default.target',
    '',
  ].join('\n');
}

/** Whether systemd runs this machine (sd_booted(3)). */
export function hasSystemd(): boolean {
  return existsSync('/run/systemd/system');
}

/** Every ten minutes; what it says goes nowhere, what fails is mailed. `%` ends a command in a crontab (crontab(5)). Null where a path would end the line. */
export function cronLine(repo: string): string | null {
  const [node, main] = watchCommand(repo);
  const shell = [node ?? '', main ?? '', 'monitor', '--once', '--repo', repo].map((one) => `'${one.replaceAll("'", `'\\''`)}'`);
  if (shell.some((one) => /[\0-\x1f\x7f]/.test(one))) return null;
  return `*/10 * * * * ${shell.join(' ').replaceAll('%', '\\%')} >/dev/null`;
}

/** One word of a unit file: quoted, without specifiers. */
function word(text: string): string {
  return `"${text.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n').replaceAll('%', '%%')}"`;
}

/** One argument of a command: without variables besides. */
function argument(text: string): string {
  return word(text).replaceAll('$', '$$$$');
}
