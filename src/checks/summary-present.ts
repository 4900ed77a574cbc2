import type { Check } from './check.ts';

export const summaryPresent: Check = {
  code: 'summary_present',
  title: 'there is an analysis/summary.md',
  stages: ['extract_results'],
  needs: 'always',
  before: false,
  judge: ({ run, texts }) => {
    if (run === null || texts.some(({ name, text }) => name === 'analysis/summary.md' && text.trim() !== '')) return [];
    return [{ what: 'analysis/summary.md is not there, or empty', where: null, next: 'run `autolab-mcp extract`' }];
  },
};
