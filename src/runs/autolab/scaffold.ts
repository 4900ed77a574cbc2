import { join } from 'node:path';

/** A policy that only says where its values come from; everything else is the program's safe defaults until a preset is applied. */
export const SCAFFOLD_POLICY = `# What may happen in this repository. \`autolab-mcp policy apply preset local_dev\` fills it in; \`autolab-mcp policy show --effective\` tells what
# is in force and from which line. Autolab's own keys may stand here as well.
`;

/** The files of a first iteration, whose runs go to `site` if there is one. The design is complete but for the words in angle brackets; the launch script does nothing yet. */
export function scaffoldIteration(id: string, site?: { name: string; scheduler: string }): [string, string][] {
  const folder = join('experiments', 'plan', id);
  return [
    [join(folder, 'hypothesis.md'), `# Hypothesis\n\n<what_you_expect_and_by_how_much>\n`],
    [join(folder, 'design.yaml'), design(id, site?.scheduler === 'slurm' ? 'slurm' : 'local')],
    [
      join(folder, 'launch', 'run_local.sh'),
      '#!/usr/bin/env bash\nset -euo pipefail\n# The command of the experiment stands here; the working directory is the iteration folder.\n',
    ],
    [
      join(folder, 'launch', 'run_slurm.sbatch'),
      '#!/usr/bin/env bash\nset -euo pipefail\n# The command of the experiment stands here; the working directory is the iteration folder.\n',
    ],
    ...(site
      ? [
          [join(folder, 'launch', 'launch.yaml'), `schema_version: "1"\nsite: ${JSON.stringify(site.name)}\n`] satisfies [
            string,
            string,
          ],
        ]
      : []),
  ];
}

function design(id: string, location: 'local' | 'slurm'): string {
  return `schema_version: "1.0"
id: e1
iteration_id: ${id}
hypothesis_id: h1
entrypoint:
  module: placeholder
compute:
  location: ${location}
  walltime_estimate: "00:10:00"
  memory_estimate: "1GB"
metrics:
  primary: { name: accuracy, unit: fraction, mode: maximize }
  success_delta: "+0.01"
  aggregation: mean
  baseline_comparison: absolute
baselines:
  - { name: current, description: "<what_it_is_compared_with>" }
implementation_requirements:
  - { requirement_id: r1, description: "<what_must_exist>", scope_kind: experiment }
extract_parser:
  kind: command
  command: python3 scripts/parse_results.py {run_dir}
`;
}
