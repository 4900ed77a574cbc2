/** The value of a JSON text; undefined for text that is none, which no JSON value is. Never throws. */
export function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
