import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';

/** Who may see the pages: whoever brings the address that was printed, once, and from then on the cookie that was given for it. */
export type Entry = {
  /** A word that is good for one visit; the one before is void. */
  mint(): string;
  /** The cookie's value for this word, which is used up by that; undefined for any other. */
  exchange(word: string): string | undefined;
  isKnown(cookie: string | undefined): boolean;
};

/** So many browsers at once; the oldest is shown out. */
const MOST = 16;

export function openEntry(): Entry {
  let open: Buffer | undefined;
  const known: Buffer[] = [];
  return {
    mint: () => {
      const word = secret();
      open = hash(word);
      return word;
    },
    exchange: (word) => {
      if (open === undefined || !timingSafeEqual(open, hash(word))) return undefined;
      open = undefined;
      const cookie = secret();
      known.push(hash(cookie));
      if (known.length > MOST) known.shift();
      return cookie;
    },
    isKnown: (cookie) => {
      const theirs = hash(cookie ?? '');
      return known.filter((one) => timingSafeEqual(one, theirs)).length > 0;
    },
  };
}

function secret(): string {
  return randomBytes(32).toString('base64url');
}

function hash(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
