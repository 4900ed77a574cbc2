export const say = (text = '') => process.stdout.write(`${text}\n`);

export const title = (text) => say(`\n\u2500\u2500 ${text}`);

export const indent = (text) => say(text.replace(/^/gm, '   '));

export function must(condition, what) {
  if (!condition) throw new Error(`the demo expected that ${what}`);
}
