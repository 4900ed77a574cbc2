import { appendFileSync } from 'node:fs';
import { test } from 'vitest';
import { makeWorld } from './world.ts';
import { OPERATIONS, placesOf, withFault } from './writing.ts';
const only = process.env.ONLY?.split(','); const most = Number(process.env.MOST ?? 10);
test('x', async () => {
  const w = await makeWorld();
  const out = process.env.OUT ?? '/tmp/out-writes';
  try {
  const all: {n: string, place: {call: string, nth: number}, errno: string}[] = [];
  for (const n of Object.keys(OPERATIONS).filter((n) => !only || only.includes(n))) {
    try {
    const places = await placesOf(w, n);
    appendFileSync(out + '.txt', `${n}: ${places.length} places: ${places.map(p => p.call + p.nth).join(' ')}\n`);
    const errnos = ['ENOSPC', 'EIO', 'EDQUOT', 'EROFS'];
    const step = Math.max(1, places.length / most);
    for (let i = 0; i < Math.min(most, places.length); i++) { const place = places[Math.floor(i * step)]!; all.push({ n, place, errno: errnos[i % 4]! }); }
    const w1 = places.find((p) => p.call === 'write'); if (w1) all.push({ n, place: w1, errno: 'short' });
    } catch (e) { appendFileSync(out + '.txt', `${n} FAILED: ${e}\n`); }
  }
  const next = async () => { for (let c = all.shift(); c; c = all.shift()) {
    const t = Date.now(); const r = await withFault(w, c.n, c);
    appendFileSync(out + '.txt', `${c.n} ${c.place.call} ${c.place.nth} ${c.errno} ${Date.now()-t}ms exit=${r.first.exit} ${r.outcome.slice(0, 1500)}\n`);
    appendFileSync(out, JSON.stringify({...c, ...r}) + '\n');
  } };
  await Promise.all([next(), next()]);
  } finally { w.remove(); }
}, 3_000_000);
