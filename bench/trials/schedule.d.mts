import type { Place } from '../../test/support/cut.mjs';

export type Spec = {
  n: number;
  key: string;
  fault: string;
  shape: string;
  place?: Place;
  nth?: number;
  seconds?: number;
  delays?: number[];
};
export type Counts = Readonly<Record<string, number>>;
export declare const FULL: Counts;
export declare const FAST: Counts;
export declare function schedule(counts: Counts, places: Readonly<Record<string, readonly Place[]>>, seed: number): Spec[];
