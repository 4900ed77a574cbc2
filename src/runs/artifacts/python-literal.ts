import { refuse } from './unreadable.ts';

export type Literal = string | number | boolean | null | Literal[] | Map<Literal, Literal>;

const TOKEN = /\s*(?:([{}[\](),:])|'((?:[^'\\\n]|\\.)*)'|"((?:[^"\\\n]|\\.)*)"|(-?\d{1,20})L?|(True|False|None)\b)/y;
const DEPTH = 16;

/**
 * The value of a Python literal as numpy writes it into a header: dicts, lists, tuples, texts, whole numbers, True, False and None. Nothing
 * is evaluated. Tuples come as lists.
 */
export function pythonLiteral(text: string): Literal {
  const tokens = tokensOf(text);
  let at = 0;
  const peek = () => tokens[at];
  const take = () => tokens[at++] ?? refuse('has a header that is cut off');
  const expect = (mark: string) => {
    if (take() !== mark) refuse(`has a header in which a ${mark} is missing`);
  };
  const list = (end: string, depth: number): Literal[] => {
    const items: Literal[] = [];
    while (peek() !== end) {
      items.push(value(depth));
      if (peek() !== end) expect(',');
    }
    at++;
    return items;
  };
  const dict = (depth: number): Map<Literal, Literal> => {
    const members = new Map<Literal, Literal>();
    while (peek() !== '}') {
      const key = value(depth);
      if (members.has(key)) refuse('has a header that says something twice');
      expect(':');
      members.set(key, value(depth));
      if (peek() !== '}') expect(',');
    }
    at++;
    return members;
  };
  const value = (depth: number): Literal => {
    if (depth > DEPTH) refuse('has a header that is nested too deep');
    const token = take();
    if (typeof token !== 'string') return token.value;
    if (token === '{') return dict(depth + 1);
    if (token === '[') return list(']', depth + 1);
    if (token === '(') return list(')', depth + 1);
    return refuse(`has a header with a ${token} out of place`);
  };
  const read = value(0);
  return at === tokens.length ? read : refuse('has a header that goes on after its end');
}

function tokensOf(text: string): (string | { value: Literal })[] {
  const tokens: (string | { value: Literal })[] = [];
  const pattern = new RegExp(TOKEN);
  const end = text.trimEnd().length;
  while (pattern.lastIndex < end) {
    const match = pattern.exec(text) ?? refuse('has a header that is no Python literal');
    const [, mark, single, double, digits, word] = match;
    const quoted = single ?? double;
    if (mark !== undefined) tokens.push(mark);
    else if (quoted !== undefined) tokens.push({ value: quoted.replace(/\\(.)/g, '$1') });
    else if (digits !== undefined) tokens.push({ value: Number(digits) });
    else tokens.push({ value: WORDS[word ?? ''] ?? null });
  }
  return tokens;
}

const WORDS: Readonly<Record<string, boolean>> = { True: true, False: false };
