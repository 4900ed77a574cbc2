import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Failure } from '../../src/base/errors.ts';
import { readArguments } from '../../src/cli/arguments.ts';
import { fieldsOf } from '../../src/cli/fields.ts';
import { sample } from './sample.ts';

const fields = fieldsOf(sample);
const read = (...words: string[]) => readArguments('sample run', fields, words);

describe('what the words say', () => {
  test.each([
    [['r1'], { run_id: 'r1' }],
    [['r1', '3', '4'], { run_id: 'r1', indices: [3, 4] }],
    [['--run-id', 'r1', '5'], { run_id: 'r1', indices: [5] }],
    [['--run-id=r1', '--indices', '-1', '--indices=2'], { run_id: 'r1', indices: [-1, 2] }],
    [['r1', '--dry-run'], { run_id: 'r1', dry_run: true }],
    [['--no-dry-run', 'r1'], { run_id: 'r1', dry_run: false }],
    [['r1', '--match', 'a=b', '--match=--x=y'], { run_id: 'r1', match: ['a=b', '--x=y'] }],
    [['r1', '--site', ''], { run_id: 'r1', site: '' }],
    [['r1', '--resources', '{"cpus": 4}'], { run_id: 'r1', resources: { cpus: 4 } }],
    [['--', '--r1'], { run_id: '--r1' }],
    [['r1', '--tail', '1.5'], { run_id: 'r1', tail: 1.5 }],
  ])('%j', (words, input) => {
    expect(read(...words)).toEqual(input);
  });

  test('a text written behind its flag comes back as it was', () => {
    fc.assert(
      fc.property(fc.string(), fc.array(fc.string()), fc.array(fc.integer()), fc.boolean(), (run, match, indices, dry) => {
        const words = [
          `--run-id=${run}`,
          ...match.map((one) => `--match=${one}`),
          ...indices.map((one) => `--indices=${one}`),
          dry ? '--dry-run' : '--no-dry-run',
        ];
        const filled = { ...(match.length > 0 ? { match } : {}), ...(indices.length > 0 ? { indices } : {}) };
        expect(read(...words)).toEqual({ run_id: run, ...filled, dry_run: dry });
      }),
    );
  });
});

describe('a mistake is named, with the value and what to do', () => {
  test.each([
    [['r1', '--stge', 'launch'], 'there is no flag "--stge": did you mean --stage?'],
    [
      ['r1', '--whatever'],
      'there is no flag "--whatever": it takes: --run-id, --indices, --stage, --tail, --dry-run, --site, --match, --resources',
    ],
    [['r1', '--stage'], '--stage needs a value: a value that begins with -- is written --stage=--…'],
    [['r1', '--stage', '--dry-run'], '--stage needs a value: a value that begins with -- is written --stage=--…'],
    [['r1', '--stage', 'lunch'], '--stage cannot be "lunch": did you mean launch? it is one of: launch, slurm_monitor'],
    [['r1', '--tail', 'many'], '--tail needs a number and was given "many"'],
    [['r1', '--tail', ''], '--tail needs a number and was given ""'],
    [['r1', '--resources', '{'], '--resources needs JSON and was given "{"'],
    [['r1', '--site', 'a', '--site', 'b'], '--site is given twice'],
    [['r1', '--dry-run=yes'], '--dry-run takes no value'],
    [[], '<run-id> is missing'],
    [
      ['-x', 'r1'],
      'there is no flag "-x": it takes: --run-id, --indices, --stage, --tail, --dry-run, --site, --match, --resources',
    ],
  ])('%j', (words, message) => {
    expect(() => read(...words)).toThrow(new Failure('usage', { what: message, next: '' }).message);
    try {
      read(...words);
    } catch (error) {
      expect(error).toMatchObject({ code: 'usage', exit: 2, message, next: 'autolab-mcp sample run --help' });
    }
  });

  test('one word too many', () => {
    const [only] = fields;
    if (!only) throw new Error('no field');
    expect(() => readArguments('one', [only], ['a', 'b'])).toThrow('"b" is one word too many');
  });
});
