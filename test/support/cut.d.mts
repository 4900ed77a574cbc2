export type Place = { call: string; nth: number };
export declare const CALLS: readonly string[];
export declare function counting(log: string, calls?: readonly string[]): string[];
export declare function killing(call: string, nth: number): string[];
export declare function failing(call: string, errno: string, nth: number | string): string[];
export declare function placesIn(text: string): Place[];
export declare function failingFiles(log: string, call: string, errno: string | number, nth: number | string): string[];
export declare function countingFiles(log: string, calls: readonly string[]): string[];
