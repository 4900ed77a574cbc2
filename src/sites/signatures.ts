import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { quote } from '../base/text.ts';
import { localTransport } from './transports/local.ts';
import type { Output } from './transports/transport.ts';

/** Keeps a signature for one purpose from being one for another (ssh-keygen(1), -n). */
export type Namespace = 'autolab-mcp-approval' | 'autolab-mcp-seal';
const LIMIT_MS = 10_000;
const PROGRAMS = ['/usr/bin/ssh-keygen', '/bin/ssh-keygen', '/usr/local/bin/ssh-keygen'] as const;

/**
 * Who signed a text, by OpenSSH's own signatures: `signers` are lines of an allowed-signers file (ssh-keygen(1), ALLOWED SIGNERS), and the
 * answer is the principal of the one whose key made the signature. Anything else is the reason why it does not count.
 */
export async function signerOf(
  text: string,
  signature: string,
  signers: readonly string[],
  namespace: Namespace,
): Promise<{ signer: string } | { why: string }> {
  const folder = mkdtempSync(join(tmpdir(), 'autolab-signature-'));
  try {
    const [allowed, file] = [join(folder, 'signers'), join(folder, 'signature')];
    writeFileSync(allowed, `${signers.join('\n')}\n`, { mode: 0o600 });
    writeFileSync(file, signature, { mode: 0o600 });
    const { run } = localTransport();
    // Never one that a caller's PATH leads to: it would say yes to anything.
    const program = PROGRAMS.find((path) => existsSync(path)) ?? PROGRAMS[0];
    const asked = (...words: string[]) => run({ argv: [program, '-Y', ...words], stdin: text }, { timeoutMs: LIMIT_MS });
    const found = await asked('find-principals', '-s', file, '-f', allowed);
    const signer = found.stdout.split('\n')[0]?.trim() ?? '';
    if (found.exit !== 0 || signer === '') return { why: wordsOf(found, 'it was not made by a key of a signer') };
    const verified = await asked('verify', '-f', allowed, '-I', signer, '-n', namespace, '-s', file);
    return verified.exit === 0 ? { signer } : { why: wordsOf(verified, 'it is no signature of this text') };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function wordsOf({ notStarted, stdout, stderr }: Output, otherwise: string): string {
  if (notStarted) return 'ssh-keygen cannot be started; install OpenSSH’s client';
  const said = quote(`${stdout}\n${stderr}`.trim(), 200);
  return said === '' ? otherwise : `${otherwise} (${said})`;
}

/** The commands that sign a text and hand the signature in, as one line for a shell. */
export function howToSign(text: string, namespace: Namespace, file: string, then: string): string {
  return `printf %s '${text}' | ssh-keygen -Y sign -n ${namespace} -f KEY >${file} && ${then}`;
}
