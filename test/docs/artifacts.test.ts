import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { expectationSchema } from '../../src/runs/artifacts/schema.ts';
import { parseLaunchFile } from '../../src/runs/launch/launch-file.ts';
import { ROOT } from '../support/repo.ts';

const text = readFileSync(join(ROOT, 'docs', 'artifacts.md'), 'utf8');
const blocks = [...text.matchAll(/```yaml\n([\s\S]*?)```/g)].map(([, block = '']) => block);

test('every example is what launch.yaml takes', () => {
  const parsed = blocks.map(
    (block) =>
      parseLaunchFile(`schema_version: "1"\nartifacts:\n  expect:\n${block.replace(/^/gm, '    ')}\n`, 'docs/artifacts.md')
        .artifacts.expect.length,
  );
  expect(parsed).toEqual([5, 2, 2, 2, 2, 2]);
});

test('every rule has an example or a word', () => {
  const silent = Object.keys(expectationSchema.shape).filter((name) => !new RegExp(`\\b${name}\\b`).test(text));
  expect(silent).toEqual([]);
});
