import type { Check } from './check.ts';
import { got, unreadable } from './findings.ts';

export const designValid: Check = {
  code: 'design_valid',
  title: 'design.yaml is valid and about this iteration',
  stages: ['implementation_review', 'launch', 'extract_results'],
  needs: 'schema',
  before: true,
  judge: ({ design, iteration }) => {
    const value = got(design);
    if (value === undefined || value.iterationId === iteration) return unreadable(design);
    return [
      {
        what: `iteration_id is ${JSON.stringify(value.iterationId)}, and its folder is ${iteration}`,
        where: value.file,
        next: `write iteration_id: ${iteration}`,
      },
    ];
  },
};
