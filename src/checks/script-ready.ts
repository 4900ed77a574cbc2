import type { Check } from './check.ts';
import { fromFailure, got } from './findings.ts';
import { isUnfilledCommand } from './placeholders.ts';

export const scriptReady: Check = {
  code: 'script_ready',
  title: 'there is a command to launch, and it submits no jobs of its own',
  stages: ['implementation_review', 'launch'],
  needs: 'always',
  before: true,
  judge: ({ script, design }) => {
    const spec = got(design)?.spec;
    if (script === null || spec === undefined) return [];
    if (script.text !== null && !script.isPlaceholder) return script.faults.map(fromFailure);
    const command = spec.entrypoint.cli?.trim() || spec.entrypoint.module;
    if (!isUnfilledCommand(command)) return script.faults.map(fromFailure);
    return [
      {
        what: `the launch script ${script.text === null ? 'is not there' : 'has no command in it'}, and design.yaml has none to put there (${JSON.stringify(command)})`,
        where: script.file,
        next: `write the command into ${script.file}, or the real entrypoint into design.yaml`,
      },
    ];
  },
};
