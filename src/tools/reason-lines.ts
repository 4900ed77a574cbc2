import type * as z from 'zod';
import { withFigures } from '../policies/explain.ts';
import type { reasonOut } from './fields.ts';

type Told = z.output<typeof reasonOut>;

/** The rules that do not allow, each in a line with what would pass it; what came from outside is under it, between its marks. */
export function stoppingLines(reasons: readonly Told[]): string[] {
  return reasons
    .filter(({ verdict }) => verdict !== 'allow')
    .flatMap((one) => withQuoted(one, `- ${one.verdict} ${one.rule} (${one.at}): ${withFigures(one)} → ${one.remedy}`));
}

/** Rules as they were judged, each in a line with its figures. */
export function judgedLines(reasons: readonly Told[]): string[] {
  return reasons.flatMap((one) => {
    const figures = one.limit === undefined ? '' : ` [limit ${one.limit}, actual ${one.actual ?? 'unknown'}]`;
    return withQuoted(one, `- ${one.verdict} ${one.rule} (${one.at}): ${one.because}${figures}`);
  });
}

function withQuoted({ quoted }: Told, line: string): string[] {
  return quoted === undefined ? [line] : [line, quoted];
}
