import { describe, expect, it } from 'vitest';
import { gateScalar, pythonScalar } from '../../src/policies/scalars.ts';
import { parseDuration, parseMemory, showDuration, showMemory } from '../../src/policies/units.ts';

// What PyYAML 6.0.3 answered to `safe_load("k: …")`.
describe('an unquoted word as PyYAML reads it', () => {
  it.each([
    ['', null],
    ['~', null],
    ['Null', null],
    ['yes', true],
    ['Off', false],
    ['y', 'y'],
    ['N', 'N'],
    ['12', 12],
    ['+1_000', 1000],
    ['-7', -7],
    ['010', 8],
    ['08', '08'],
    ['0x1F', 31],
    ['0b11', 3],
    ['0o17', '0o17'],
    ['12:00:00', 43_200],
    ['08:00:00', '08:00:00'],
    ['1:30', 90],
    ['1:30.5', 90.5],
    ['1-00:00:00', '1-00:00:00'],
    ['1e3', '1e3'],
    ['1.0e+3', 1000],
    ['.5', 0.5],
    ['1.', 1],
    ['.inf', Infinity],
    ['2024-01-01', '2024-01-01'],
    ['8h', '8h'],
  ])('%s', (source, value) => {
    expect(pythonScalar(source)).toBe(value);
  });
});

describe('an unquoted word inside the gate', () => {
  it.each([
    ['', null],
    ['yes', true],
    ['no', false],
    ['12', 12],
    ['-1', -1],
    ['0.5', 0.5],
    ['12:00:00', '12:00:00'],
    ['010', '010'],
    ['0x10', '0x10'],
    ['1_000', '1_000'],
    ['1e3', '1e3'],
    ['8h', '8h'],
  ])('%s', (source, value) => {
    expect(gateScalar(source)).toBe(value);
  });
});

describe('units', () => {
  it.each([
    ['8:00:00', 28_800],
    ['72:30:05', 261_005],
    ['1-00:00:00', 86_400],
    ['8h', 28_800],
    ['90m', 5400],
    ['1d12h', 129_600],
    ['45s', 45],
    ['', undefined],
    ['8:00', undefined],
    ['8', undefined],
    ['8:60:00', undefined],
    ['h', undefined],
    ['1h1d', undefined],
    ['-1h', undefined],
  ])('time %s', (text, seconds) => {
    expect(parseDuration(text)).toBe(seconds);
  });

  it.each([
    ['256GB', 262_144],
    ['256G', 262_144],
    ['1TiB', 1_048_576],
    ['512MB', 512],
    ['1.5GB', 1536],
    ['2048K', 2],
    ['256', undefined],
    ['GB', undefined],
    ['1PB', undefined],
    ['1 GB', undefined],
  ])('memory %s', (text, mib) => {
    expect(parseMemory(text)).toBe(mib);
  });

  it('shows them as people write them', () => {
    expect([showDuration(100_000), showDuration(59), showMemory(262_144), showMemory(1536)]).toEqual([
      '27:46:40',
      '0:00:59',
      '256GB',
      '1536MB',
    ]);
  });
});
