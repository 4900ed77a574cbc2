import { randomBytes } from 'node:crypto';
import { withoutOwnSecrets } from './secrets.ts';

// ANSI and OSC sequences, then C0/C1 controls but tab and newline, bidi marks and overrides, zero-width characters, tag characters.
const ESCAPES = /\u001b(?:\[[0-?]*[ -/]*[@-~]|\][^\u0007\u001b]*(?:\u0007|\u001b\\)?|[@-Z\\-_])/g;
const UNSEEN =
  /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]|[\u{e0000}-\u{e007f}]/gu;

/** Text from outside without what a terminal or a model could take for more than text: escapes, controls, bidi, zero-width, tags. */
export function clean(text: string): string {
  return text.replace(ESCAPES, '').replace(/\r\n?/g, '\n').replace(UNSEEN, '');
}

/** At most `limit` characters; what was cut is said. Never splits a surrogate pair. */
export function cap(text: string, limit: number): string {
  if (text.length <= limit) return text;
  const end = /[\ud800-\udbff]/.test(text[limit - 1] ?? '') ? limit - 1 : limit;
  return `${text.slice(0, end)}… [${text.length - end} more characters]`;
}

/**
 * Each pattern goes over a text in time that grows as its length: nothing it may begin with stands within what it may go over, or that is
 * bounded. A log is the job's, and may be made to take hours.
 */
const SECRETS: readonly [RegExp, string][] = [
  [/-----BEGIN [A-Z ]{0,40}PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z ]{0,40}PRIVATE KEY-----|$)/g, '[private key]'],
  [/\b(?:ghp|gho|ghs|ghu|github_pat|glpat|xox[abps]|hf|sk|pk|rk|npm)[-_][A-Za-z0-9_-]{16,}/g, '[token]'],
  [/\bA[KS]IA[0-9A-Z]{16}\b/g, '[token]'],
  [/(?<![A-Za-z0-9_-])eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*/g, '[token]'],
  [/\b(Bearer|Basic)\s{1,8}[A-Za-z0-9+/=._~-]{12,}/gi, '$1 [token]'],
  [/:\/\/([^\s/:@]*):[^\s/]+@/g, '://$1:[password]@'],
  [/:\/\/[^\s/:@]{20,}@/g, '://[token]@'],
  // The name may go on, in quotes, with a backslash before them as in JSON within JSON; numbers are counts, as in max_tokens=4096,
  // and a word of letters behind a flag and a colon is a sentence about the flag.
  [
    /((?:password|passwd|passphrase|secret|token|api[_-]?key|access[_-]?key|private[_-]?key|credential)[A-Za-z0-9_-]{0,64}\\{0,4}["']?\s{0,8}[=:]\s{0,8})(?!(?<=--[a-z0-9_-]{0,120}:\s{1,8})[a-z]+(?![^\s.,;!?)]))(?!\d{1,18}(?:[\s"',;&)}\]]|$))(?:"[^"\n]{4,4000}"|'[^'\n]{4,4000}'|\\{0,4}["']?[^\s"',;&]{4,})/gi,
    '$1[redacted]',
  ],
  [
    /(\s--?(?:[a-z]{1,20}[-_]){0,3}(?:password|passwd|passphrase|secret|token|api-?key)\s{1,8})(?!-)[^\s"']{4,}/gi,
    '$1[redacted]',
  ],
];

/**
 * Text with what looks like a credential replaced, and with the values of our own variables that are named as secrets. A convenience
 * against accidents, not a guarantee; docs/policy.md says what it knows.
 */
export function redact(text: string): string {
  return SECRETS.reduce((rest, [pattern, by]) => rest.replace(pattern, by), withoutOwnSecrets(text));
}

/** Text from outside made fit to be shown: cleaned, redacted, capped. Not yet marked as data; see `boundary`. */
export function quote(text: string, limit = 2000): string {
  return cap(redact(clean(text)), limit);
}

/** Text from outside between two lines that carry a random word, so that nothing inside can pretend to be its end. */
export function boundary(text: string, label: string): string {
  const word = randomBytes(8).toString('hex');
  return `<untrusted-${label}-${word}>\n${text}\n</untrusted-${label}-${word}>`;
}

/** The word of `known` nearest to `word`, if it is near enough to be a slip of the finger. */
export function nearest(word: string, known: readonly string[]): string | undefined {
  const scored = known.map((candidate) => [distance(word, candidate), candidate] as const).sort((a, b) => a[0] - b[0]);
  const best = scored[0];
  return best && best[0] <= Math.max(2, Math.floor(word.length / 3)) ? best[1] : undefined;
}

function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      next.push(Math.min((row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1, (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1)));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}

/** `1 task`, `3 tasks`. */
export function count(n: number, noun: string): string {
  return `${n} ${noun}${n === 1 ? '' : 's'}`;
}
