import { leaves } from './edit.ts';
import { mergeLayers, originOf } from './layers.ts';
import type { Policy } from './load.ts';
import { policyOf } from './load.ts';
import { readPreset } from './presets.ts';
import type { Origin } from './types.ts';

/** Every value in force, as people write it, with who says it; those of ceilings after the repository's own, beside which they hold. */
export function effectiveValues(policy: Policy): { path: string; value: unknown; origin: Origin }[] {
  const own = leaves(mergeLayers(policy.layers)).map(([path, value]) => ({
    path: path.join('.'),
    value,
    origin: policy.origin(path.join('.')),
  }));
  const over = policy.ceilings.flatMap(({ layer }) =>
    leaves(layer.tree).map(([path, value]) => ({ path: path.join('.'), value, origin: originOf([layer], path.join('.')) })),
  );
  return [...own, ...over];
}

/** The policy of a repository that says nothing of its own over this preset. Fails as `readPreset` does. */
export function presetPolicy(packaged: string, name: string): Policy {
  return policyOf(`policy_resolution:\n  default_preset: ${readPreset(packaged, name).header.name}\n`, packaged);
}
