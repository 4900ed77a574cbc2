import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Marker } from '../../src/sites/job-script.ts';
import { readMarker } from '../../src/sites/job-script.ts';

test('any marker is read back; any other text is none', () => {
  const words = fc.string({ unit: 'binary' });
  const numbers = fc.nat();
  const marker = fc.record<Marker>({
    schema_version: fc.constant('1'),
    step: words,
    task: numbers,
    attempt: numbers,
    restart: numbers,
    job_id: words,
    node: words,
    exit: numbers,
    signals: fc.array(words),
    started: numbers,
    ended: numbers,
    stdout: fc.option(words),
    stderr: fc.option(words),
  });
  fc.assert(
    fc.property(marker, (one) => {
      expect(readMarker(JSON.stringify(one))).toEqual(one);
    }),
  );
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.json()), (other) => {
      expect(readMarker(other)).toBeUndefined();
    }),
  );
});
