import type { Check } from './check.ts';
import { unreadable } from './findings.ts';

export const launchFileValid: Check = {
  code: 'launch_file_valid',
  title: 'launch/launch.yaml is valid, or not there',
  stages: ['implementation_review', 'launch'],
  needs: 'schema',
  before: true,
  judge: ({ launch }) => unreadable(launch),
};
