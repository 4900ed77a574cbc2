/** Which repository a program is about: the one above `start`, or above the `.autolab` of `stateFile`, under a policy file more. */
export type Where = { start: string; stateFile?: string; ceiling?: string };

/** The flags that say so, for node's parseArgs. */
export const WHERE_OPTIONS = {
  repo: { type: 'string' },
  'state-file': { type: 'string' },
  ceiling: { type: 'string' },
} as const;
export const WHERE_USAGE = '[--repo DIR] [--state-file FILE] [--ceiling FILE]';

export function whereOf(values: { [name in keyof typeof WHERE_OPTIONS]?: string | undefined }, here: string): Where {
  const { repo, 'state-file': stateFile, ceiling } = values;
  return {
    start: repo ?? here,
    ...(stateFile === undefined ? {} : { stateFile }),
    ...(ceiling === undefined ? {} : { ceiling }),
  };
}
