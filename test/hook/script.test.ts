import fc from 'fast-check';
import { expect, test } from 'vitest';
import { readScript } from '../../src/hook/shell/commands.ts';
import { Unreadable } from '../../src/hook/shell/script.ts';

/** The words of every command, a `?` for what nobody can know. */
function wordsOf(text: string): string[] {
  const vars = new Map([['HOME', ['/home/me']]]);
  return readScript(text, vars).flatMap((item) =>
    typeof item === 'object' ? [item.words.join('|').replaceAll('\u0000', '?')] : [],
  );
}

test.each([
  ['a b; c && d || e | f & g', ['a|b', 'c', 'd', 'e', 'f', 'g']],
  [`a 'b c' "d e" f\\ g h""i`, ['a|b c|d e|f g|hi']],
  [`X=1 a $X; X=2; a $X "$X" \${X} \${Y:-z} $Y`, ['a|?', 'a|2|2|2|z|?']],
  ['C="a b"; $C; "$C"', ['a|b', 'a b']],
  ['a ~/b ~ x~', ['a|/home/me/b|/home/me|x~']],
  [`$'\\x61\\142' $'c\\n'`, ['ab|c\n']],
  ['{a,b} c{d,e}f {g}', ['a|b|cdf|cef|{g}']],
  ['for x in a b; do c $x; done', ['c|b', 'c|a']],
  [`l=(a b); c "\${l[@]}" $l`, ['c|a|b|a']],
  ['if a; then b; elif c; then d; else e; fi', ['a', 'b', 'c', 'd', 'e']],
  ['case $x in a|b) c;; (d) e;; *) f; esac; g', ['c', 'e', 'f', 'g']],
  ['f() { a; }; function g { b; }; { c; }; ! d', ['a', 'b', 'c', 'd']],
  ['a > b 2>&1 < c &> d', ['a']],
  ['[[ $a > b && -n $(c) ]] && d', ['c', 'd']],
  ['a $((1 << 2)); ((i++)); b', ['a|?', 'b']],
  ['((a); b)', ['a', 'b']],
  ['a `b \\`c\\`` $(d "$(e)")', ['c', 'b|?', 'e', 'd|?', 'a|?|?']],
  ['a $(echo b) $(which c)', ['echo|b', 'which|c', 'a|b|/usr/bin/c']],
  ['a # b\nc', ['a', 'c']],
  ['a \\\n b', ['a|b']],
  ["a <<'E' | b\n$(c)\nE\nd", ['a', 'b', 'd']],
  ['a <<E\n$(b)\nE\nc', ['a', 'b', 'c']],
])('%s', (text, words) => {
  expect(wordsOf(text).sort()).toEqual([...words].sort());
});

test('a here-document, a here-string and a process substitution are what a command reads', () => {
  const inputs = readScript("a <<'E'\n$x\nE\nb <<< 'c d'; e <(echo f)").flatMap((item) =>
    typeof item === 'object' && item.input !== undefined ? [[item.words[0], item.input]] : [],
  );
  expect(inputs).toEqual([
    ['a', '$x'],
    ['b', 'c d'],
    ['e', 'f'],
  ]);
});

const piece = fc.constantFrom(
  ...' \n\t;&|<>(){}"\'`$\\#=~*?[]!,abc',
  '$(',
  '${',
  '<<',
  '&&',
  '((',
  'case x in ',
  'for a in ',
  'esac',
  'done',
  '<<E\n',
  "$'",
);

test('whatever the text, it is read, or said to be unreadable', () => {
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 60 }), (pieces) => {
      try {
        readScript(pieces.join(''));
      } catch (error) {
        if (!(error instanceof Unreadable)) throw error;
      }
    }),
    { numRuns: 3000 },
  );
});

test('a word in single quotes is one word, whatever is in it', () => {
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom(...' \n;&|<>(){}"`$\\#=~*abc') }), (inside) => {
      expect(wordsOf(`a '${inside}' b`)).toEqual([`a|${inside}|b`]);
    }),
  );
});

test('the words of a command are the same wherever it stands', () => {
  const plain = fc
    .stringMatching(/^[a-z]{1,5}( [a-z./-]{1,6}){0,3}$/)
    .filter((text) => !/^(?:if|do|fi|in|case|esac|time|for|then|else|elif|done|while|until|function|select|coproc)\b/.test(text));
  const places = fc.constantFrom(
    '%',
    'x; %',
    'x && %',
    '(%)',
    '{ %; }',
    'if %; then x; fi',
    'x | %',
    'x "$(%)"',
    'x `%`',
    'x <<E\n$(%)\nE\n',
    'while x; do %; done',
    'case a in a) %;; esac',
    'x\n%\n',
  );
  fc.assert(
    fc.property(plain, places, (command, place) => {
      expect(wordsOf(place.replace('%', () => command))).toContain(command.trim().split(/ +/).join('|'));
    }),
  );
});
