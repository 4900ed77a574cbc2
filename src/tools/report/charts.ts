import { figure } from './document.ts';
import { escaped } from './markup.ts';
import type { Series } from './results.ts';

/** All charts have this width in their own units; the page scales them. */
const WIDTH = 640;
/** Where the names of rows end and the plot begins. */
const LEFT = 210;
const RIGHT = WIDTH - 20;
const ROW = 30;
/** Characters of a row's name. */
const NAME = 30;
/** More is not drawn; the tables and the words of the chart tell of it. */
const MOST_ROWS = 40;
const MOST_DOTS = 200;

/** An SVG that says in words what it shows. Pure: equal data give equal markup. */
export function svgOf(height: number, title: string, description: string, inner: readonly string[]): string {
  return `<svg viewBox="0 0 ${WIDTH} ${round(height)}" role="img"><title>${escaped(title)}</title><desc>${escaped(description)}</desc>${inner.join('')}</svg>`;
}

export function label(x: number, y: number, text: string, classes = ''): string {
  return `<text x="${round(x)}" y="${round(y)}"${classes === '' ? '' : ` class="${classes}"`}>${escaped(text)}</text>`;
}

export function round(n: number): number {
  return Math.round(n * 10) / 10;
}

/** A row's name on the left. */
export function rowName(name: string, y: number): string {
  return label(LEFT - 10, y, name.length > NAME ? `${name.slice(0, NAME - 1)}…` : name, 'e');
}

/**
 * One row a series: a dot for each value, a line at the mean, and a band of one standard deviation to both sides. Empty where there is no
 * value at all. `axis` names the value and its unit.
 */
export function stripChart(title: string, axis: string, series: readonly Series[]): string {
  const drawn = series.filter(({ values }) => values.length > 0).slice(0, MOST_ROWS);
  const ends = drawn.flatMap(({ values, mean, sd }) => [
    ...values.slice(0, MOST_DOTS).map(({ value }) => value),
    ...(mean !== null && sd !== null ? [mean - sd, mean + sd] : []),
  ]);
  const [first] = ends;
  if (first === undefined) return '';
  const ticks = ticksOver(
    ends.reduce((least, one) => Math.min(least, one), first),
    ends.reduce((most, one) => Math.max(most, one), first),
  );
  const [low, high] = [ticks[0] ?? 0, ticks.at(-1) ?? 1];
  // As many as it takes to tell one tick from the next.
  const digits = Math.min(
    15,
    Math.max(4, Math.ceil(Math.log10(Math.max(Math.abs(low), Math.abs(high)) / (high - low))) + 3 || 4),
  );
  const x = (value: number) => {
    const share = (value - low) / (high - low);
    return LEFT + (Number.isFinite(share) ? share : 0) * (RIGHT - LEFT);
  };
  const bottom = 10 + drawn.length * ROW;
  const grid = ticks.map(
    (tick) => `<path class="l" d="M${round(x(tick))} 10V${bottom}"/>${label(x(tick), bottom + 16, figure(tick, digits), 's m')}`,
  );
  const rows = drawn.map(({ name, values, mean, sd }, at) => {
    const y = 10 + at * ROW + ROW / 2;
    const band =
      mean !== null && sd !== null
        ? `<rect class="b" x="${round(x(mean - sd))}" y="${y - 10}" width="${round(Math.max(1, x(mean + sd) - x(mean - sd)))}" height="20"/>`
        : '';
    const line = mean === null ? '' : `<path class="k" d="M${round(x(mean))} ${y - 10}v20"/>`;
    const dots = values
      .slice(0, MOST_DOTS)
      .map(({ value }) => `<circle class="d" cx="${round(x(value))}" cy="${y}" r="4"/>`)
      .join('');
    return `${rowName(name, y + 4)}${band}${dots}${line}`;
  });
  const words = drawn.map(
    ({ name, values, mean, sd }) => `${name}: mean ${figure(mean)}, standard deviation ${figure(sd)}, n ${values.length}`,
  );
  return svgOf(bottom + 42, title, words.join('; '), [...grid, ...rows, label((LEFT + RIGHT) / 2, bottom + 36, axis, 's m')]);
}

/** What was used of what was asked for. */
export type Share = { name: string; used: number; asked: number; words: string };

/** One row a share: a frame for what was asked for, filled as far as it was used; what is over it is marked. */
export function shareChart(title: string, shares: readonly Share[]): string {
  const drawn = shares.filter(({ used, asked }) => used >= 0 && asked > 0 && Number.isFinite(used / asked)).slice(0, MOST_ROWS);
  if (drawn.length === 0) return '';
  const most = Math.min(3, Math.max(1, ...drawn.map(({ used, asked }) => used / asked)));
  // On the right stands the share in words.
  const width = RIGHT - LEFT - 90;
  const x = (share: number) => (Math.min(share, most) / most) * width;
  const rows = drawn.map(({ name, used, asked }, at) => {
    const y = 10 + at * ROW;
    const share = used / asked;
    const over =
      share > 1
        ? `<rect class="over" x="${round(LEFT + x(1))}" y="${y + 5}" width="${round(x(share) - x(1))}" height="16"/>`
        : '';
    return [
      rowName(name, y + 18),
      `<rect class="d" x="${LEFT}" y="${y + 5}" width="${round(x(Math.min(1, share)))}" height="16"/>`,
      over,
      `<rect class="o" x="${LEFT}" y="${y + 4}" width="${round(x(1))}" height="18"/>`,
      label(LEFT + width + 10, y + 18, `${figure(share * 100, 3)} %`),
    ].join('');
  });
  return svgOf(20 + drawn.length * ROW, title, drawn.map(({ name, words }) => `${name}: ${words}`).join('; '), rows);
}

/** An amount that is used up, and where it asks and where it ends. */
export type Limit = {
  rule: string;
  of: string;
  used: number | null;
  reserved?: number | null | undefined;
  ask: number | null;
  deny: number | null;
};

/** One row a limit: a frame up to its end, filled as far as it is used; a thin mark where a person is asked. What is not known is not drawn. */
export function limitChart(title: string, limits: readonly Limit[]): string {
  const drawn = limits
    .flatMap(({ rule, of, used, reserved, ask, deny }) => {
      const end = Math.max(ask ?? 0, deny ?? 0);
      return used === null || end <= 0
        ? []
        : [{ name: rule.replace(/^limits\./, ''), of, used, spent: used - (reserved ?? 0), ask, deny, end }];
    })
    .slice(0, MOST_ROWS);
  const width = RIGHT - LEFT - 90;
  const rows = drawn.map(({ name, used, spent, ask, deny, end }, at) => {
    const y = 10 + at * ROW;
    const x = (value: number) => round(LEFT + Math.min(1, value / end) * width);
    const mark = (value: number | null, thick: boolean) =>
      value === null ? '' : `<path class="${thick ? 'k' : 'l'}" d="M${x(value)} ${y + 1}v24"/>`;
    return [
      rowName(name, y + 18),
      `<rect class="b" x="${LEFT}" y="${y + 5}" width="${round(x(used) - LEFT)}" height="16"/>`,
      `<rect class="${used > end ? 'over' : 'd'}" x="${LEFT}" y="${y + 5}" width="${round(x(spent) - LEFT)}" height="16"/>`,
      `<rect class="o" x="${LEFT}" y="${y + 4}" width="${width}" height="18"/>`,
      mark(ask, false),
      mark(deny, true),
      label(LEFT + width + 10, y + 18, `${figure((used / end) * 100, 3)} %`),
    ].join('');
  });
  const words = drawn.map(({ name, of, used, end }) => `${name} of ${of}: ${figure(used)} of ${figure(end)}`);
  return svgOf(20 + drawn.length * ROW, title, words.join('; '), rows);
}

/** Round numbers from below the lowest to above the highest value, four to nine of them. */
export function ticksOver(low: number, high: number): number[] {
  const span = high - low || Math.abs(high) || 1;
  const rough = span / 5;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((n) => n * power).find((one) => one >= rough) ?? power * 10;
  const from = Math.floor(low / step - (high === low ? 1 : 0));
  const to = Math.ceil(high / step + (high === low ? 1 : 0));
  // More than the eye can tell apart is a range whose ends no step of a float reaches.
  if (!Number.isSafeInteger(from) || !Number.isSafeInteger(to) || to - from > 20) return [low, high === low ? low + 1 : high];
  return Array.from({ length: to - from + 1 }, (_, at) => Number(((from + at) * step).toPrecision(15)));
}
