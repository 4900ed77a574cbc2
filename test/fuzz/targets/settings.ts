import { FILE_READERS } from '../../hostile/readers-of-files.ts';
import { target as of } from '../target.ts';

const SETTINGS =
  /yaml\.ts|design|launch-file|workflow|remote-profiles|resume\/config|sites\/index|policies\/(?:load|ceilings|edit|units)/;

/** What people and agents write in YAML: the policy, the launch file, the design and what stands beside them. */
export const target = of(FILE_READERS.filter(({ names }) => names.some((name) => SETTINGS.test(name))));
