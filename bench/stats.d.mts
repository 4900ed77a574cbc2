export type Spread = { n: number; median: number; low: number; high: number };
export type Row = {
  group: string;
  what: string;
  unit: string;
  ours: readonly number[];
  against?: { name: string; values: readonly number[] };
  compare?: 'ratio' | 'difference';
  budget?: { of: 'ratio' | 'difference' | 'value'; most: number };
  because?: string;
};
export type Judged = {
  ours: Spread;
  base: Spread | null;
  ratio: number | null;
  difference: number | null;
  verdict: 'holds' | 'missed' | null;
};
export function quantile(values: readonly number[], q: number): number;
export function median(values: readonly number[]): number;
export function spread(values: readonly number[]): Spread;
export function judge(row: Row): Judged;
export function interleave<T>(times: number, sides: Record<string, () => T | Promise<T>>, warm?: number): Promise<Record<string, T[]>>;
export function timed(work: () => unknown): Promise<number>;
export function interval(k: number, n: number, level?: number): { low: number; high: number };
