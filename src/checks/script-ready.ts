import type { Design } from '../runs/autolab/design.ts';
import type { Check, Finding, Script } from './check.ts';
import { fromFailure, got } from './findings.ts';
import { isUnfilledCommand } from './placeholders.ts';

export const scriptReady: Check = {
  code: 'script_ready',
  title: 'there is a command to launch, and it submits no jobs of its own',
  stages: ['implementation_review', 'launch'],
  needs: 'always',
  before: true,
  judge: ({ scripts, design }) => {
    const spec = got(design)?.spec;
    return spec === undefined ? [] : scripts.flatMap((script) => judged(script, spec));
  },
};

function judged(script: Script, { entrypoint }: Design['spec']): Finding[] {
  if (script.text !== null && !script.isPlaceholder) return script.faults.map(fromFailure);
  const lacks = script.text === null ? 'is not there' : 'has no command in it';
  if (script.step !== null) {
    const what = `the script of step ${script.step} ${lacks}`;
    return [{ what, where: script.file, next: `write the command into ${script.file}, or name another script in launch.yaml` }];
  }
  const command = entrypoint.cli?.trim() || entrypoint.module;
  if (!isUnfilledCommand(command)) return script.faults.map(fromFailure);
  return [
    {
      what: `the launch script ${lacks}, and design.yaml has none to put there (${JSON.stringify(command)})`,
      where: script.file,
      next: `write the command into ${script.file}, or the real entrypoint into design.yaml`,
    },
  ];
}
