import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { Failure } from '../base/errors.ts';
import type { Where } from '../base/where.ts';
import { WHERE_OPTIONS, WHERE_USAGE, whereOf } from '../base/where.ts';

/** On a port of the loopback, 0 for one that is free, or on a socket: of this path, or of the usual one. */
export type DashboardPlace = { port: number } | { socket: string | null };
export type DashboardOptions = Where & { place: DashboardPlace };

export const DASHBOARD_USAGE = `autolab-mcp dashboard [--port N | --tunnel | --socket PATH] ${WHERE_USAGE}`;

/** What the command line says; the failure `usage` where that does not fit together. */
export function dashboardOptions(argv: readonly string[], here: string): DashboardOptions {
  try {
    const { values, positionals } = parseArgs({
      args: [...argv],
      options: {
        ...WHERE_OPTIONS,
        port: { type: 'string' },
        socket: { type: 'string' },
        tunnel: { type: 'boolean' },
      },
      allowPositionals: true,
    });
    const [extra] = positionals.slice(1);
    if (extra !== undefined) throw new Error(`dashboard takes no ${JSON.stringify(extra)}`);
    const { port, socket, tunnel } = values;
    if ([port, socket, tunnel].filter((one) => one !== undefined).length > 1)
      throw new Error('--port, --tunnel and --socket are three places: give one');
    if (port !== undefined && (!/^\d{1,5}$/.test(port) || Number(port) > 65_535))
      throw new Error(`--port takes a number up to 65535, not ${JSON.stringify(port)}`);
    return {
      ...whereOf(values, here),
      place: socket !== undefined ? { socket: resolve(here, socket) } : tunnel ? { socket: null } : { port: Number(port ?? 0) },
    };
  } catch (error) {
    throw new Failure('usage', { what: error instanceof Error ? error.message : String(error), next: DASHBOARD_USAGE });
  }
}
