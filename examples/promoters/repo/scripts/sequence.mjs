/** A sequence by its seed, plan and number alone, so that a library that grows is the one that it would have been. */
export function sequence({ seed, length, boxes: [first, second], spacer }, { name, gc }, number) {
  const next = generator(`${seed} ${name} ${number}`);
  const base = () => (next() < gc ? 'GC' : 'AT')[next() < 0.5 ? 0 : 1];
  const bases = Array.from({ length }, base);
  const start = Math.floor(next() * (length - first.length - spacer - second.length + 1));
  bases.splice(start, first.length, ...first);
  bases.splice(start + first.length + spacer, second.length, ...second);
  return bases.join('');
}

export const gcOf = (text) => [...text].filter((base) => base === 'G' || base === 'C').length / text.length;

/** FNV-1a for the seed, mulberry32 for the numbers: not for secrets. */
function generator(text) {
  let state = 2166136261;
  for (const char of text) state = Math.imul(state ^ char.charCodeAt(0), 16777619);
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}
