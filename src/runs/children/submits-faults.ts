type Asked = {
  name: string;
  submits?: object | undefined;
  canary?: boolean | undefined;
  legs?: number | undefined;
  after?: readonly (string | { step: string; on?: string | undefined })[] | undefined;
};

export const NOT_IN_PARTS =
  'what a script submits by itself is bounded and counted for one job; with a canary or legs it is several, and each would submit anew';

/** What is wrong with the steps whose scripts submit by themselves, each with where it is said. Pure. */
export function submitsFaults(steps: readonly Asked[]): { path: (string | number)[]; message: string }[] {
  const masters = new Set(steps.filter(({ submits }) => submits).map(({ name }) => name));
  return steps.flatMap(({ name, submits, canary, legs, after = [] }, at) => {
    const parents = after.map((one) => (typeof one === 'string' ? { step: one, on: 'success' } : one));
    const isLeg = parents.some(({ step, on }) => on === 'interrupted' && (masters.has(step) || submits));
    const inParts =
      (submits && (canary || legs !== undefined)) || isLeg ? [{ path: [at, 'submits'], message: NOT_IN_PARTS }] : [];
    return [
      ...inParts,
      ...parents.flatMap(({ step, on }, which) =>
        masters.has(step) && on !== 'interrupted'
          ? [
              {
                path: [at, 'after', which],
                message: `the jobs that ${step} submits may still run when its own has ended; let its script submit ${name}, too, or write what it submits as steps`,
              },
            ]
          : [],
      ),
    ];
  });
}
