// xoshiro128** by D. Blackman and S. Vigna (public domain), its state filled by splitmix32 from the seed.
export function generator(seed) {
  let filler = seed >>> 0;
  const fill = () => {
    filler = (filler + 0x9e3779b9) >>> 0;
    let z = filler;
    z = Math.imul(z ^ (z >>> 16), 0x85ebca6b);
    z = Math.imul(z ^ (z >>> 13), 0xc2b2ae35);
    return (z ^ (z >>> 16)) >>> 0;
  };
  const s = Uint32Array.from({ length: 4 }, fill);
  const next = () => {
    const result = Math.imul(rotate(Math.imul(s[1], 5), 7), 9) >>> 0;
    const t = s[1] << 9;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = rotate(s[3], 11);
    return result;
  };
  /** Uniform in [0, 1), in steps of 2^-53. */
  return () => ((next() >>> 5) * 2 ** 26 + (next() >>> 6)) * 2 ** -53;
}

function rotate(x, k) {
  return (x << k) | (x >>> (32 - k));
}
