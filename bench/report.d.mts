import type { Row } from './stats.mjs';

export type Told = Row & { remark?: string };
export function cells(row: Told): string[];
export function tableText(rows: readonly Told[]): string;
export function page(rows: readonly Told[], about: readonly (readonly [string, string])[]): string;
