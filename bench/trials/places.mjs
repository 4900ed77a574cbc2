import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { counting, placesIn } from '../../test/support/cut.mjs';
import { call } from './call.mjs';
import { SHAPES } from './shapes.mjs';

/** Every place at which an undisturbed submission of each shape can be cut off, counted and not listed. */
export async function countPlaces(cluster, design) {
  const places = {};
  for (const shape of Object.keys(SHAPES)) {
    const folder = await cluster.make(`places-${design.name}-${shape}`, shape);
    const log = join(folder, 'work', 'places');
    const done = await call({ cluster, folder, cwd: design.place(folder), shape }, design.words({ cluster, folder, shape }), {
      prefix: counting(log),
    });
    if (done.exit !== 0) throw new Error(`an undisturbed ${shape} of ${design.name} ended with ${done.exit}: ${done.stderr}`);
    places[shape] = placesIn(readFileSync(log, 'utf8'));
    await design.settle({ cluster, folder, cwd: design.place(folder), shape });
    await cluster.remove(folder);
  }
  return places;
}
