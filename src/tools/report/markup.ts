import { quote } from '../../base/text.ts';

/** No single text of a report is longer. */
const MOST = 8000;

/** Any text as HTML or SVG text or attribute: cleaned, redacted, capped, and with nothing in it that could be markup. */
export function escaped(text: string, most = MOST): string {
  return quote(text, most).replace(/[&<>"'`]/g, (one) => `&#${one.charCodeAt(0)};`);
}
