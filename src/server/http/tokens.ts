import { createHash, timingSafeEqual } from 'node:crypto';
import { closeSync, constants, fstatSync, openSync, readFileSync } from 'node:fs';
import { cannotRead } from '../../base/disk.ts';
import { Failure, systemCode } from '../../base/errors.ts';

const SHORTEST = 32;
const MOST = 16;
const LARGEST = 64 * 1024;

/** Who may come in, by the name that the audit log gives each. */
export type Tokens = { nameOf(given: string): string | undefined };

/**
 * The tokens of a file, one a line. The file must be a plain one of this account that nobody else may read, and each token at least 32
 * printable characters; anything else is refused. Read once: a change counts from the next start.
 */
export function readTokens(path: string): Tokens {
  const lines = own(path)
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '');
  if (lines.length === 0) throw unusable(path, 'there is no token in it');
  if (lines.length > MOST) throw unusable(path, `it has ${lines.length} lines, and at most ${MOST} tokens count`);
  lines.forEach((line, at) => {
    // RFC 6750, section 2.1: what a bearer token may consist of.
    if (!/^[\w~+/.-]+=*$/.test(line)) throw unusable(path, `token ${at + 1} has characters that no bearer token has`);
    if (line.length < SHORTEST) throw unusable(path, `token ${at + 1} has ${line.length} characters of at least ${SHORTEST}`);
  });
  const known = lines.map((line) => ({ name: hash(line).toString('hex').slice(0, 8), hash: hash(line) }));
  return {
    // Every token is compared, and hashes of one length, so that the time says nothing about what was nearly right.
    nameOf: (given) => {
      const theirs = hash(given);
      return known.filter((one) => timingSafeEqual(one.hash, theirs)).at(0)?.name;
    },
  };
}

function hash(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}

function own(path: string): string {
  let fd: number | undefined;
  try {
    fd = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    const { uid, mode, size } = fstatSync(fd);
    if ((mode & constants.S_IFMT) !== constants.S_IFREG) throw unusable(path, 'it is no plain file');
    if (uid !== process.getuid?.()) throw unusable(path, `it belongs to user ${uid}`);
    if ((mode & 0o077) !== 0) throw unusable(path, 'others may use it', `chmod 600 ${path}`);
    if (size > LARGEST) throw unusable(path, `it has ${size} bytes`);
    return readFileSync(fd, 'utf8');
  } catch (error) {
    const code = systemCode(error);
    if (code === 'ELOOP') throw unusable(path, 'it is a link');
    if (code === 'ENOENT' || code === 'ENOTDIR') {
      throw new Failure('file_missing', { what: `there is no token file ${path}`, next: make(path) });
    }
    throw cannotRead(path, error);
  } finally {
    if (fd !== undefined) closeSync(fd);
  }
}

function unusable(path: string, why: string, next = make(path)): Failure {
  return new Failure('file_invalid', { what: `the token file ${path} is not used`, why, next });
}

function make(path: string): string {
  return `(umask 077; openssl rand -hex 32 > ${path})`;
}
