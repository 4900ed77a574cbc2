import { appendFileSync } from 'node:fs';
import { test } from 'vitest';
import { DAMAGES } from './damage.ts';
import { readFiles } from './read-files.ts';
import { plain, readDamaged } from './reading.ts';
import { makeWorld } from './world.ts';

const only = process.env.ONLY?.split(',');
const dam = process.env.DAM?.split(',');
test('x', async () => {
  const w = await makeWorld();
  try {
    const base = await readDamaged(w, null, null);
    const out = process.env.OUT ?? '/tmp/out-reads';
    appendFileSync(out, JSON.stringify({ file: 'BASE', ...base }) + '\n');
    console.log(base.states, Object.fromEntries(Object.entries(base.said).map(([k, s]) => [k, s.exit])));
    base.cell.remove();
    const cells = Object.entries(await readFiles(w))
      .filter(([n]) => !only || only.includes(n))
      .flatMap(([n, f]) =>
        (Object.keys(DAMAGES) as (keyof typeof DAMAGES)[]).filter((d) => !dam || dam.includes(d)).map((d) => ({ n, f, d })),
      );
    const next = async () => {
      for (let c = cells.shift(); c; c = cells.shift()) {
        const t = Date.now();
        const r = await readDamaged(w, c.f, c.d);
        r.cell.remove();
        const words: string[] = [];
        const name = c.f.path.split('/').at(-1)!;
        for (const [op, s] of Object.entries(r.said)) {
          const same = s.exit === base.said[op]!.exit && plain(s.text) === plain(base.said[op]!.text);
          const bad = s.hung
            ? 'HANG'
            : /internal|\n +at /.test(s.text)
              ? 'INTERNAL'
              : same
                ? ''
                : s.text.includes(name)
                  ? s.exit
                    ? 'named'
                    : 'named0'
                  : s.exit
                    ? 'UNNAMED'
                    : 'unnamed0';
          if (bad) words.push(op + ':' + bad);
        }
        if (r.before !== r.after) words.push('CHANGED');
        if (JSON.stringify(r.states.other) !== JSON.stringify(base.states.other))
          words.push('other=' + r.states.other!.join('>'));
        if (JSON.stringify(r.states.open) !== JSON.stringify(base.states.open)) words.push('open=' + r.states.open!.join('>'));
        appendFileSync(out, JSON.stringify({ file: c.n, damage: c.d, ms: Date.now() - t, words, ...r }) + '\n');
        appendFileSync(out + '.txt', `${c.n} | ${c.d} | ${Date.now() - t} | ${words.join(' ')}\n`);
      }
    };
    await Promise.all([next(), next()]);
  } finally {
    w.remove();
  }
}, 3_000_000);
