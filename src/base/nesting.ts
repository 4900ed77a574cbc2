/** Deeper than any file of ours is nested. */
const MOST = 100;

/**
 * Whether a YAML text may be nested more deeply than anything that is written by hand, told without parsing it: a parser that goes down into
 * it takes time in the square of its depth, and where its stack ends V8 may end the process (regular expressions that are compiled there, seen
 * with Node 20.20). Brackets, indents and the dashes at the beginning of a line are counted as they stand, in quotes too.
 */
export function isNestedTooDeeply(text: string): boolean {
  let brackets = 0;
  const indents: number[] = [];
  for (const line of text.split('\n')) {
    let at = 0;
    let dashes = 0;
    // `- - a` begins two lists, `? a` a key.
    for (; at < line.length && ' \t-?'.includes(line.charAt(at)); at++)
      if (line.charAt(at) === '-' || line.charAt(at) === '?') dashes++;
    if (at < line.length) {
      while (indents.length > 0 && (indents.at(-1) ?? 0) >= at) indents.pop();
      indents.push(at);
    }
    if (indents.length > MOST || (dashes > MOST && /[-?] /.test(line))) return true;
    for (; at < line.length; at++) {
      const one = line.charAt(at);
      if (one === '{' || one === '[') brackets++;
      else if ((one === '}' || one === ']') && brackets > 0) brackets--;
      if (brackets > MOST) return true;
    }
  }
  return false;
}
