import type { Outcome } from './judge.mjs';

export type Trial = {
  design: string;
  seed: number;
  n: number;
  key: string;
  fault: string;
  shape: string;
  outcome: Outcome;
  counts?: number[];
  detail?: string;
};
export type Recorded = {
  machines: readonly Record<string, string | number>[];
  trials: readonly Trial[];
  ended: readonly { seconds: number; trials: number }[];
  others: readonly Record<string, string | number>[];
};
export declare function page(recorded: Recorded): string;
