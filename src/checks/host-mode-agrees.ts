import type { Check } from './check.ts';
import { got, placeIn } from './findings.ts';

export const hostModeAgrees: Check = {
  code: 'host_mode_agrees',
  title: 'the run was launched where design.yaml says',
  stages: ['launch', 'slurm_monitor', 'extract_results'],
  needs: 'consistency',
  before: false,
  judge: ({ run, design }) => {
    const manifest = run && got(run.manifest);
    const location = got(design)?.location;
    if (!manifest || location === undefined) return [];
    const said = [
      { path: ['host_mode'], mode: manifest.value.host_mode },
      { path: ['launch_mode'], mode: manifest.value.launch_mode },
    ];
    return said
      .filter(({ mode }) => mode !== undefined && mode !== location)
      .map(({ path, mode }) => ({
        what: `${path} is ${mode}, and compute.location in design.yaml is ${location}`,
        where: placeIn(manifest, ...path),
        next: `set compute.location: ${mode} in design.yaml, or submit the run again`,
      }));
  },
};
