import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { canonical } from '../../src/base/digest.ts';

test('keys are sorted at every depth, undefined members are left out, and nothing else changes', () => {
  expect(canonical({ b: [{ z: 1, a: undefined }, undefined], a: null, 10: 'x', 9: new Date(0) })).toBe(
    '{"9":"1970-01-01T00:00:00.000Z","10":"x","a":null,"b":[{"z":1},null]}',
  );
  expect(canonical(JSON.parse('{"b":1,"__proto__":{"d":1,"c":2}}'))).toBe('{"__proto__":{"c":2,"d":1},"b":1}');
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      expect(JSON.parse(canonical(value))).toEqual(JSON.parse(JSON.stringify(value)));
    }),
  );
});

test('equal values have equal text, in whatever order their keys came', () => {
  const shuffled = (value: unknown): unknown =>
    Array.isArray(value)
      ? value.map(shuffled)
      : value !== null && typeof value === 'object'
        ? Object.fromEntries(
            Object.entries(value)
              .reverse()
              .map(([key, member]) => [key, shuffled(member)]),
          )
        : value;
  fc.assert(fc.property(fc.jsonValue(), (value) => canonical(shuffled(value)) === canonical(value)));
});
