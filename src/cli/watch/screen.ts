/** A part of a terminal that is drawn again in its place, under all that was said. */
export type Screen = {
  /** What is new goes above the drawing, once, and scrolls away as everything on a terminal does. */
  draw(lines: readonly string[], news?: readonly string[]): void;
  /** The drawing is left where it is: something else has been written since. */
  forget(): void;
  /** Takes the drawing away; what was said stays. */
  close(): void;
};

const UP = (lines: number) => (lines > 0 ? `\u001b[${lines}A` : '');
const LINE_AWAY = '\u001b[2K';
const REST_AWAY = '\u001b[J';
/** DECAWM. A terminal that counts other cells than we do cuts a line of the drawing, so that the next is drawn over the same place. */
const [NO_WRAP, WRAP] = ['\u001b[?7l', '\u001b[?7h'];

/**
 * Each drawing is one `write`. The cursor rests in the line under the drawing and is never hidden, so that nothing has to be put right,
 * however the program ends.
 */
export function openScreen(write: (text: string) => void): Screen {
  let shown: readonly string[] = [];
  const draw: Screen['draw'] = (lines, news = []) => {
    if (news.length === 0 && lines.length === shown.length && lines.every((line, at) => line === shown[at])) return;
    const said = news.length > 0 ? `${REST_AWAY}${news.map((line) => `${line}\n`).join('')}` : '';
    const drawn = lines.map((line) => `${LINE_AWAY}${line}\n`).join('');
    write(`\r${UP(shown.length)}${said}${NO_WRAP}${drawn}${WRAP}${REST_AWAY}`);
    shown = lines;
  };
  return {
    draw,
    forget: () => {
      shown = [];
    },
    close: () => draw([]),
  };
}
