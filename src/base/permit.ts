import { Failure } from './errors.ts';

/** What an operation does to the world, weakest first. MCP hints and permits derive from it. */
export type Effect = 'read' | 'write' | 'run' | 'spend' | 'destroy';
export const EFFECTS: readonly Effect[] = ['read', 'write', 'run', 'spend', 'destroy'];

/**
 * Proof that the gate has said yes to one act. Made only by `tools/call.ts` (a test holds this), nominal by its private field and
 * typed by its effect, so that forgetting it or using a cancel permit to submit does not compile.
 */
export class Permit<E extends Effect> {
  readonly #digest: string;
  readonly effect: E;

  private constructor(effect: E, digest: string) {
    this.effect = effect;
    this.#digest = digest;
  }

  /** Guarantees that the permit was given for what is about to be done; throws `permit_mismatch` otherwise. */
  check(digest: string): void {
    if (digest === this.#digest) return;
    throw new Failure('permit_mismatch', {
      what: `the permit (${this.effect}) was given for ${this.#digest.slice(0, 12)}, not for ${digest.slice(0, 12)}`,
      why: 'what is about to be done is not what was decided on',
      next: 'call the operation again; if it happens twice, report it as a defect',
    });
  }

  /** For `tools/call.ts` alone. */
  static issue<E extends Effect>(effect: E, digest: string): Permit<E> {
    return new Permit(effect, digest);
  }
}

/** A permit for anything that changes something. For recovery, which finishes what an earlier decision allowed. */
export type ActingPermit = Permit<'write'> | Permit<'run'> | Permit<'spend'> | Permit<'destroy'>;
