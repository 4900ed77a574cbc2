import type { Check, CheckStage, Finding, TextFile } from './check.ts';
import { isOnlyHeadings, placeholdersIn } from './placeholders.ts';

/** What is scanned at a stage: files, and every script of a folder. Scripts that do nothing at all are `script_ready`'s. */
const SCANNED: Readonly<Record<CheckStage, readonly string[]>> = {
  implementation_review: ['hypothesis.md', 'launch/'],
  launch: ['hypothesis.md', 'launch/'],
  slurm_monitor: [],
  extract_results: ['analysis/summary.md'],
};
/** How many places of one file are told; the rest are counted. */
const SHOWN = 5;

export const noPlaceholders: Check = {
  code: 'no_placeholders',
  title: 'no file is an unfilled template',
  stages: ['implementation_review', 'launch', 'extract_results'],
  needs: 'template_fill',
  before: true,
  judge: ({ stage, texts }) =>
    texts
      .filter(({ name }) => SCANNED[stage].some((one) => (one.endsWith('/') ? name.startsWith(one) : name === one)))
      .flatMap(scan),
};

function scan({ name, file, text }: TextFile): Finding[] {
  if (name.endsWith('.md') && isOnlyHeadings(text)) {
    const what = text.trim() === '' ? 'the file is empty' : 'there is nothing but headings';
    return [{ what, where: file, next: `write ${name}` }];
  }
  const places = placeholdersIn(text);
  const told = places.slice(0, SHOWN).map(({ line, mark }) => ({
    what: `${mark} stands where something was to be written`,
    where: `${file}:${line}`,
    next: `write what belongs there, or word the line without ${mark}`,
  }));
  if (places.length <= SHOWN) return told;
  return [...told, { what: `${places.length - SHOWN} more unfilled places`, where: file, next: `fill in ${name}` }];
}
