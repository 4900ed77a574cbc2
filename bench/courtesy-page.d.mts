/** What a day asked: looks and calls by their second of the day, and how many seconds after it each start and end was told. */
export type Day = {
  what: string;
  runs: number;
  looks: readonly number[];
  calls: readonly { at: number; program: string }[];
  late: readonly { seconds: number }[];
};
export function courtesyPage(
  days: readonly Day[],
  about: { pace: number; when: string; version: string; hours: number; submission: number },
): string;
