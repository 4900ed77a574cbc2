import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Tiny } from './tiny.ts';
import { makeTiny } from './tiny.ts';

/** Three steps: an array of three, one that waits for it, and one that comes after that however it ends. */
export const STEPS = `schema_version: "1"
site: local
resources: { cpus: 1, memory: 50MB, walltime: "00:01:00" }
steps:
  - { name: gen, script: gen.sh, args: ["a b"], array: { indices: "0-2", parallel: 2 } }
  - { name: hist, script: hist.sh, after: [gen] }
  - { name: tidy, script: tidy.sh, after: [{ step: hist, on: any }] }
`;
const SCRIPTS = {
  gen: 'echo "gen $AUTOLAB_TASK_INDEX $1" >>runs/../order\n',
  hist: 'echo hist >>runs/../order\n',
  tidy: 'echo tidy >>runs/../order\n',
};

/** The tiny experiment as a run of several steps; each notes its executions in `order`. */
export function makeChain(scripts: Partial<typeof SCRIPTS> = {}, launch = STEPS): Promise<Tiny> {
  return makeTiny((path) => {
    const folder = join(path, 'experiments', 'plan', 'tiny', 'launch');
    writeFileSync(join(folder, 'launch.yaml'), launch);
    for (const [name, lines] of Object.entries({ ...SCRIPTS, ...scripts }))
      writeFileSync(join(folder, `${name}.sh`), `#!/bin/sh\n${lines}`, { mode: 0o755 });
  });
}
