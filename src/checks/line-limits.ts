import type { Check, CheckStage, Finding, TextFile } from './check.ts';
import { got, unreadable } from './findings.ts';
import type { LineLimits, ManifestLimit } from './limits.ts';
import { manifestCap } from './limits.ts';

const MANIFEST = 'runs/<RUN_ID>/run_manifest.json';
const SCRIPTS = ['launch/run_local.sh', 'launch/run_slurm.sbatch'];
const MEASURED: Readonly<Record<CheckStage, readonly string[]>> = {
  implementation_review: [
    ...['hypothesis.md', 'design.yaml', 'implementation_plan.md', 'implementation_review.md', 'review_result.json'],
    ...SCRIPTS,
  ],
  launch: [...SCRIPTS, MANIFEST],
  slurm_monitor: [],
  extract_results: [MANIFEST, 'runs/<RUN_ID>/metrics.json', 'analysis/summary.md'],
};

export const lineLimits: Check = {
  code: 'line_limits',
  title: 'no file is larger than experiment_file_line_limits.yaml allows',
  stages: ['implementation_review', 'launch', 'extract_results'],
  needs: 'template_fill',
  before: true,
  judge: ({ stage, texts, limits, run }) => {
    const set = got(limits);
    if (!set) return unreadable(limits);
    const manifest = run ? got(run.manifest)?.value : undefined;
    return texts
      .filter(({ name }) => MEASURED[stage].includes(name))
      .flatMap((one) =>
        one.name === MANIFEST
          ? measureManifest(one, set, manifest)
          : measure(one, set.file, { lines: set.lines[one.name], chars: set.chars[one.name], bytes: set.bytes[one.name] }),
      );
  },
};

function measureManifest(one: TextFile, set: LineLimits, manifest: unknown): Finding[] {
  const limit: ManifestLimit | null = set.manifest;
  if (limit === null || manifest === undefined) return [];
  return measure(one, set.file, {
    lines: manifestCap(limit, manifest),
    chars: limit.chars ?? undefined,
    bytes: limit.bytes ?? undefined,
  });
}

type Most = { lines: number | undefined; chars: number | undefined; bytes: number | undefined };

function measure({ name, file, text }: TextFile, limits: string, most: Most): Finding[] {
  const has = { lines: lineCount(text), chars: [...text].length, bytes: Buffer.byteLength(text) };
  return (['lines', 'chars', 'bytes'] as const)
    .filter((unit) => has[unit] > (most[unit] ?? Number.POSITIVE_INFINITY))
    .map((unit) => ({
      what: `${name} has ${has[unit]} ${unit}, and ${most[unit]} are allowed (${limits})`,
      where: file,
      next: `shorten it to ${most[unit]} ${unit}`,
    }));
}

function lineCount(text: string): number {
  const rows = text.split('\n');
  return rows.at(-1) === '' ? rows.length - 1 : rows.length;
}
