import type { FailureView } from '../base/errors.ts';
import type { SetupFinding } from './setup.ts';

type Said = Omit<SetupFinding, 'code'>;

export function ok(what: string): Said {
  return { severity: 'ok', what, next: '' };
}

export function warning(what: string, next: string): Said {
  return { severity: 'warning', what, next };
}

export function error(what: string, next: string): Said {
  return { severity: 'error', what, next };
}

export function failed({ what, why, next }: FailureView): Said {
  return error(why === undefined ? what : `${what}: ${why}`, next);
}
