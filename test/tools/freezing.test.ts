import { appendFileSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, expect, test } from 'vitest';
import * as z from 'zod';
import { openContext, terminalCaller } from '../../src/context.ts';
import { codeFolder } from '../../src/runs/code/place.ts';
import { freeze } from '../../src/tools/freezing.ts';
import { planRun } from '../../src/tools/planning.ts';
import type { Tiny } from '../support/tiny.ts';
import { forgetTemplate, makeTiny } from '../support/tiny.ts';

let tiny: Tiny;
afterEach(() => tiny?.remove());
afterAll(forgetTemplate);

/** Plans where no snapshot is yet that has the files as they were, lets `edit` happen, and freezes. */
async function frozenAfter(edit: () => void): Promise<unknown> {
  const context = openContext({ start: tiny.path });
  try {
    rmSync(codeFolder(tiny.path), { recursive: true, force: true });
    const acts = await context.acts(terminalCaller(), () => Promise.reject(new Error('no other look')), 'submit_run');
    const planned = await planRun(acts, 'tiny');
    edit();
    return await freeze(acts, planned);
  } finally {
    await context.close();
  }
}

test('code and configurations that were edited after the decision are not frozen, committed or not', async () => {
  tiny = await makeTiny((path) => {
    writeFileSync(join(path, 'model.py'), '1');
    const folder = join(path, 'experiments', 'plan', 'tiny');
    const launch = join(folder, 'launch', 'launch.yaml');
    appendFileSync(launch, 'resume: { workspace: /tmp/none-of-this, config: config.json }\n');
    writeFileSync(join(folder, 'config.json'), '{}');
  });
  const config = join(tiny.iteration, 'config.json');
  expect(await frozenAfter(() => {})).toMatchObject({ code: { id: expect.any(String) } });
  await expect(frozenAfter(() => writeFileSync(join(tiny.path, 'model.py'), '2'))).rejects.toThrow('model.py changed while');
  await expect(frozenAfter(() => appendFileSync(join(tiny.iteration, 'design.yaml'), '# x\n'))).rejects.toThrow('design.yaml');
  await expect(frozenAfter(() => writeFileSync(config, '{"seed":2}'))).rejects.toMatchObject({
    code: 'code_changed',
    retry: true,
    message: expect.stringContaining('config.json changed while'),
  });
  // Notes are no code.
  await expect(frozenAfter(() => writeFileSync(join(tiny.path, 'notes.md'), 'x'))).resolves.toBeDefined();
});

test('what runs of other iterations write meanwhile is no code of this one, and leads to where they write it', async () => {
  tiny = await makeTiny();
  const other = join(tiny.path, 'experiments', 'plan', 'other');
  mkdirSync(other);
  writeFileSync(join(other, 'ran'), '1\n');
  const frozen = z
    .object({ code: z.object({ root: z.string() }) })
    .parse(await frozenAfter(() => appendFileSync(join(other, 'ran'), '2\n')));
  appendFileSync(join(other, 'ran'), '3\n');
  expect(readFileSync(join(frozen.code.root, 'experiments', 'plan', 'other', 'ran'), 'utf8')).toBe('1\n2\n3\n');
  // Of this one it is refused.
  writeFileSync(join(tiny.iteration, 'ran'), '1\n');
  await expect(frozenAfter(() => appendFileSync(join(tiny.iteration, 'ran'), '2\n'))).rejects.toThrow('ran changed while');
});
