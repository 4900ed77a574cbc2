import { readIndices } from '../../base/indices.ts';

/** Array indices such as `0-31` or `1, 3, 5-9:2` as people write them into launch.yaml or behind --tasks: without a limit. */
export function taskIndices(text: string): { indices: readonly number[] } | { wrong: string } {
  if (text.includes('%')) return { wrong: 'write the limit as parallel, not behind %' };
  const read = readIndices(text.replace(/\s*,\s*/g, ',').trim());
  return 'wrong' in read ? read : { indices: read.indices };
}
