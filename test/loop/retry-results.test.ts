import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, expect, test } from 'vitest';
import { journalOf } from '../support/artifacts.ts';
import { asking } from '../support/asking.ts';
import { makeChain } from '../support/chains.ts';
import { until } from '../support/repo.ts';
import type { Tiny } from '../support/tiny.ts';
import { forgetTemplate, makeTiny, TINY_POLICY } from '../support/tiny.ts';

let tiny: Tiny;
afterEach(() => tiny?.remove());
afterAll(forgetTemplate);
const { answered, over } = asking(() => tiny);

const at = (name: string) => join(tiny.iteration, name);
/** Says how many tasks have left their mark, but only once it may. */
const PARSER = `#!/bin/sh
touch runs/../begun
while [ ! -e runs/../may ] && [ -e design.yaml ]; do sleep 0.1; done
printf '{"metrics": {"schema_version": "1.0", "iteration_id": "tiny", "run_id": "%s", "status": "completed", "primary_metric": {"name": "executions", "value": %s, "delta_vs_baseline": null}}}' "$RUN_ID" "$(grep -c gen order)"
`;

test('results that were being parsed when a run was opened again are not its results', async () => {
  tiny = await makeChain({
    gen: '[ "$AUTOLAB_TASK_INDEX" != 1 ] || [ -e runs/../mended ] || exit 1\necho gen >>runs/../order\n',
  });
  writeFileSync(at('parse.sh'), PARSER, { mode: 0o755 });
  const policy = `${TINY_POLICY}  allow: { commands: [[${JSON.stringify(at('parse.sh'))}]] }\n`;
  writeFileSync(join(tiny.path, '.autolab', 'verifier_policy.yaml'), policy);
  const design = readFileSync(at('design.yaml'), 'utf8');
  writeFileSync(
    at('design.yaml'),
    design.replace('"cat metrics.json"', `"${at('parse.sh')}", working_dir: experiments/plan/tiny`),
  );
  const { run_id } = await answered<{ run_id: string }>('submit');
  await over();
  const folder = join(tiny.iteration, 'runs', run_id);
  expect((await tiny.run(['sync', run_id])).stderr).toBe('');
  const parsing = tiny.run(['extract', run_id]);
  await until('it is parsed', async () => existsSync(at('begun')) || undefined);
  writeFileSync(at('mended'), '');
  expect(await tiny.run(['retry', run_id])).toMatchObject({ exit: 0 });
  writeFileSync(at('may'), '');
  expect((await parsing).stderr).toContain('was opened again while its results were parsed');
  expect(journalOf(folder).some(({ event }) => event === 'extracted')).toBe(false);
  await over();
  await tiny.run(['sync', run_id]);
  expect(await answered('extract', run_id)).toMatchObject({ status: 'completed', primary_metric: { value: 3 } });
});

test('the results of a group are taken anew after one of its runs was run again, and its decisions are told apart', async () => {
  tiny = await makeTiny((path) => {
    const folder = join(path, 'experiments', 'plan', 'tiny');
    const put = (name: string, text: string) => writeFileSync(join(folder, name), text, { mode: 0o755 });
    put('launch/run_local.sh', '#!/bin/sh\n[ "$AUTOLAB_REPLICATE" != 2 ] || [ -e runs/../mended ]\n');
    put('parse.sh', PARSER.replace('grep -c gen order', 'echo 1'));
    put('may', '');
    const design = readFileSync(join(folder, 'design.yaml'), 'utf8');
    const parser = '"sh parse.sh", working_dir: experiments/plan/tiny';
    put(
      'design.yaml',
      design.replace('"cat metrics.json"', parser).replace('baselines:', 'replicates: { count: 3 }\nbaselines:'),
    );
    writeFileSync(join(path, '.autolab', 'verifier_policy.yaml'), `${TINY_POLICY}  allow: { commands: [[sh, parse.sh]] }\n`);
  });
  const { run_id } = await answered<{ run_id: string }>('submit');
  await over();
  await tiny.run(['sync', run_id]);
  expect(await answered('extract', run_id)).toMatchObject({ state: 'partial', status: 'partial' });
  writeFileSync(at('mended'), '');
  expect(await tiny.run(['retry', `${run_id}_r2`])).toMatchObject({ exit: 0 });
  await over();
  await tiny.run(['sync', run_id]);
  expect(await answered('extract', run_id)).toMatchObject({ state: 'completed', status: 'completed' });
  expect(readFileSync(join(tiny.iteration, 'runs', run_id, 'metrics.json'), 'utf8').match(/"completed"/g)).toHaveLength(4);
  expect(await tiny.run(['audit', 'verify'])).toMatchObject({ exit: 0 });
});
