export type Outcome =
  | 'exactly once'
  | 'refused'
  | 'needs a person'
  | 'duplicate job left'
  | 'duplicate execution'
  | 'lost'
  | 'wrong success'
  | 'not judged';
export type Seen = {
  counts: readonly number[];
  left: readonly unknown[];
  verdict: 'succeeded' | 'refused' | 'person' | 'unsure';
  strange?: boolean;
};
export declare const OUTCOMES: readonly Outcome[];
export declare function outcomeOf(seen: Seen): Outcome;
