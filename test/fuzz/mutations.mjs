/** Numbers from a seed, the same everywhere (mulberry32). */
export function randomFrom(seed) {
  let state = seed >>> 0;
  return (below) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * below);
  };
}

const NUMBERS = ['0', '-1', '1', '00', '65536', '4000001', '2147483648', '9007199254740993', '1e309', '1e-7', '0x10', '1.0', 'NaN', '.5'];
const ODD = ['\0', '\n', '\r\n', ' ', '\t', '"', "'", '\\', '%', ':', ',', '-', '{', '[', '#', '__proto__', '\u2028', '\ufeff', '\ud83d\ude00'];
/** In bytes: longer texts are the subject of test/hostile/growth.test.ts, and would make this slow. */
const LONGEST = 6000;

/** What is done to an input: `(bytes, random, other, words) => bytes`. */
const CHANGES = [
  (bytes, random) => at(bytes, random, 1, () => Buffer.from([random(256)])),
  (bytes, random) => at(bytes, random, 1, (old) => Buffer.from([(old[0] ?? 0) ^ (1 << random(8))])),
  (bytes, random) => at(bytes, random, 4, () => Buffer.from([[0, 255, 127, 128][random(4)], random(2) * 255, 0, 0])),
  (bytes, random) => at(bytes, random, 1 + random(random(4) === 0 ? 200 : 8), () => Buffer.alloc(0)),
  (bytes, random, _, words) => at(bytes, random, 0, () => Buffer.from(words[random(words.length)] ?? '')),
  (bytes, random, _, words) => at(bytes, random, 1 + random(8), () => Buffer.from(words[random(words.length)] ?? '')),
  (bytes, random) => at(bytes, random, 0, () => Buffer.from(ODD[random(ODD.length)] ?? '')),
  (bytes, random) => at(bytes, random, 1, () => Buffer.from(ODD[random(ODD.length)] ?? '')),
  (bytes, random) => at(bytes, random, 1 + random(30), (old) => Buffer.concat(Array(2 + random(random(8) === 0 ? 100 : 3)).fill(old))),
  (bytes, random, other) => at(bytes, random, random(40), () => part(other, random)),
  (bytes, random, other) => Buffer.concat([bytes.subarray(0, random(bytes.length)), other.subarray(random(other.length))]),
  (bytes, random) => inText(bytes, random, /-?\d+(?:\.\d+)?/g, () => NUMBERS[random(NUMBERS.length)] ?? ''),
  (bytes, random) => inText(bytes, random, /[A-Za-z_]+/g, (word) => (random(2) === 0 ? '' : word.toUpperCase())),
  (bytes, random, other) => lines(bytes, random, other),
];

/** One to several changes of an input. The first byte says which reader it is for and stays. */
export function changed(input, random, other, words) {
  let bytes = input.subarray(1);
  for (let left = 1 + random(random(3) === 0 ? 8 : 2); left > 0; left--)
    bytes = (CHANGES[random(CHANGES.length)] ?? CHANGES[0])(bytes, random, other.subarray(1), words).subarray(0, LONGEST);
  return Buffer.concat([input.subarray(0, 1), bytes]);
}

function at(bytes, random, length, put) {
  const place = random(bytes.length + 1);
  return Buffer.concat([bytes.subarray(0, place), put(bytes.subarray(place, place + length)), bytes.subarray(place + length)]);
}

function part(bytes, random) {
  const from = random(bytes.length);
  return bytes.subarray(from, from + 1 + random(60));
}

function inText(bytes, random, pattern, put) {
  const text = bytes.toString('latin1');
  const found = [...text.matchAll(pattern)];
  const one = found[random(found.length)];
  if (!one) return bytes;
  return Buffer.from(text.slice(0, one.index) + put(one[0]) + text.slice(one.index + one[0].length), 'latin1');
}

function lines(bytes, random, other) {
  const own = bytes.toString('latin1').split('\n');
  const theirs = other.toString('latin1').split('\n');
  const line = [own[random(own.length)], theirs[random(theirs.length)]][random(2)] ?? '';
  own.splice(random(own.length + 1), random(2), ...(random(3) === 0 ? [] : [line]));
  return Buffer.from(own.join('\n'), 'latin1');
}
