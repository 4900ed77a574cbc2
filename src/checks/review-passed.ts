import type { Check, Finding } from './check.ts';
import { got, placeIn, unreadable } from './findings.ts';

/** At the review itself its word is only checked for being a word; from launch on it must be pass. */
export const reviewPassed: Check = {
  code: 'review_passed',
  title: 'the implementation review is there, agrees with itself, and says pass',
  stages: ['implementation_review', 'launch', 'extract_results'],
  needs: 'review',
  before: false,
  judge: ({ review, requirements, stage }) => {
    const placed = got(review);
    if (placed === undefined) return unreadable(review);
    const { status, findings, checks } = placed.value;
    const found: Finding[] = [];
    if (status !== 'pass' && stage !== 'implementation_review') {
      const blocking = findings.length > 0 ? `; it found: ${findings.slice(0, 5).join('; ')}` : '';
      found.push({
        what: `the review says ${status}${blocking}`,
        where: placeIn(placed, 'status'),
        next: 'mend what it found, and have it reviewed again',
      });
    }
    if (status === 'pass' && findings.length > 0) {
      found.push({
        what: `the review says pass and still lists what blocks: ${findings.slice(0, 5).join('; ')}`,
        where: placeIn(placed, 'blocking_findings'),
        next: 'resolve it and empty blocking_findings, or have it reviewed again',
      });
    }
    for (const name of status === 'pass' ? requirements.review : []) {
      const word = checks[name];
      if (word === undefined || word === 'pass') continue;
      found.push({
        what: `the review says pass, and its required check ${name} is ${word}; the policy requires it at implementation_review`,
        where: placeIn(placed, 'required_checks', name),
        next: `run ${name} and have its outcome written down, or set requirements_by_stage.implementation_review.${name}: false`,
      });
    }
    return found;
  },
};
