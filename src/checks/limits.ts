import * as z from 'zod';

const sizes = z.record(z.string(), z.int().min(0));
const count = z.int().min(0);

/** experiment_file_line_limits.yaml as far as it is about sizes; the keys after `max_bytes` are older names of the same. */
export const limitsSchema = z.looseObject({
  line_limits: z.looseObject({
    fixed_max_lines: sizes.optional(),
    fixed_max_chars: sizes.optional(),
    fixed_max_bytes: sizes.optional(),
    run_manifest_dynamic: z
      .looseObject({
        min_cap_lines: count.optional(),
        max_cap_lines: count.optional(),
        base_lines: count.optional(),
        per_item_lines: count.optional(),
        count_paths: z.array(z.string()).optional(),
        max_chars: count.optional(),
        max_bytes: count.optional(),
        min_lines: count.optional(),
        max_lines: count.optional(),
        per_k_result_lines: count.optional(),
        item_count_paths: z.array(z.string()).optional(),
      })
      .optional(),
  }),
});

type Sizes = Readonly<Record<string, number>>;
export type LineLimits = { file: string; lines: Sizes; chars: Sizes; bytes: Sizes; manifest: ManifestLimit | null };
/** A manifest may have `base` lines and `perItem` more for each item that `paths` find in it, within `min` and `max`. */
export type ManifestLimit = {
  min: number;
  max: number;
  base: number;
  perItem: number;
  paths: readonly string[];
  chars: number | null;
  bytes: number | null;
};

export function limitsOf({ line_limits: said }: z.output<typeof limitsSchema>, file: string): LineLimits {
  const dynamic = said.run_manifest_dynamic;
  return {
    file,
    lines: said.fixed_max_lines ?? {},
    chars: said.fixed_max_chars ?? {},
    bytes: said.fixed_max_bytes ?? {},
    manifest: dynamic
      ? {
          min: dynamic.min_cap_lines ?? dynamic.min_lines ?? 0,
          max: dynamic.max_cap_lines ?? dynamic.max_lines ?? Number.MAX_SAFE_INTEGER,
          base: dynamic.base_lines ?? 0,
          perItem: dynamic.per_item_lines ?? dynamic.per_k_result_lines ?? 0,
          paths: dynamic.count_paths ?? dynamic.item_count_paths ?? [],
          chars: dynamic.max_chars ?? null,
          bytes: dynamic.max_bytes ?? null,
        }
      : null,
  };
}

/** How many lines the manifest with this content may have. */
export function manifestCap(limit: ManifestLimit, manifest: unknown): number {
  const items = limit.paths.reduce((sum, path) => sum + itemsAt(manifest, path.split('.')), 0);
  return Math.min(limit.max, Math.max(limit.min, limit.base + limit.perItem * items));
}

/** Items of a list; a single value counts as one. `key[]` goes on with every item of the list. */
function itemsAt(value: unknown, keys: readonly string[]): number {
  const [key, ...rest] = keys;
  if (key === undefined) return value === null || value === undefined ? 0 : Array.isArray(value) ? value.length : 1;
  const fans = key.endsWith('[]');
  const name = fans ? key.slice(0, -2) : key;
  const found: unknown =
    typeof value === 'object' && value !== null && Object.hasOwn(value, name) ? Reflect.get(value, name) : undefined;
  if (!fans || rest.length === 0) return itemsAt(found, rest);
  return Array.isArray(found) ? found.reduce<number>((sum, item) => sum + itemsAt(item, rest), 0) : 0;
}
