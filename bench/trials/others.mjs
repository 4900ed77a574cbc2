import { table } from './table.mjs';

/**
 * What other suites have tried, a line each: {suite, site, operation, call, nth, outcome, detail}. A row for each operation on a site:
 * how many places there were, and what came of them. A place that was tried more than once counts as often.
 */
export function othersTable(lines) {
  const rows = new Map();
  for (const line of lines) {
    const name = [line.suite, line.site, line.operation].join('\n');
    rows.set(name, [...(rows.get(name) ?? []), line]);
  }
  return table(
    ['suite', 'site', 'operation', 'places', 'outcomes'],
    [...rows.values()].map((its) => {
      const [{ suite, site, operation }] = its;
      const outcomes = [...new Set(its.map(({ outcome }) => outcome))];
      const counts = outcomes.map((outcome) => `${its.filter((one) => one.outcome === outcome).length} ${outcome}`);
      return [suite, site, operation, `${its.length}`, counts.join(', ')];
    }),
  );
}
