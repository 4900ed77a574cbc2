import type { Check } from './check.ts';
import { unreadable } from './findings.ts';

export const siteKnown: Check = {
  code: 'site_known',
  title: 'the site to run on is known and may be used from here',
  stages: ['launch'],
  needs: 'always',
  before: true,
  // Which site is meant follows from design and launch file; their own checks speak of them.
  judge: ({ site, design, launch }) => ('failure' in design || 'failure' in launch ? [] : unreadable(site)),
};
