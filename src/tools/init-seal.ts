import { join } from 'node:path';
import { digest, sha256 } from '../base/digest.ts';
import { readText } from '../base/files.ts';
import { loadPolicy, POLICY_FILE, policyOf } from '../policies/load.ts';
import { meantBy, protectedPatterns } from '../policies/protected.ts';
import type { Seal } from '../policies/seal.ts';
import { makeSeal, sealDigest } from '../policies/seal.ts';
import type { InitPlan } from './init-plan.ts';

const IDENTITY = '.autolab/gate/id';

/**
 * What a seal covers once the plan is carried out: the texts that are to be written, whatever stands there by then, and all else as it is
 * now. An identity that is not minted yet is absent.
 */
export function filesToSeal({ top, missing, apply }: InitPlan, presets: string): Seal['files'] {
  const texts = new Map([...missing, ...(apply ? [[POLICY_FILE, apply.applied.text] satisfies [string, string]] : [])]);
  const policyText = texts.get(POLICY_FILE);
  const policy = policyText === undefined ? loadPolicy(top, presets) : policyOf(policyText, presets);
  const now = makeSeal(top, presets, policy, '').files;
  const meant = protectedPatterns(policy).map(meantBy);
  const isSealed = (path: string) => Object.hasOwn(now, path) || meant.some((means) => means(path));
  const made = [...texts].filter(([path]) => isSealed(path)).map(([path, text]) => [path, { sha256: sha256(text) }]);
  // A word of a command that names a folder is no file once the folder is there.
  const isFolder = (name: string) => [...texts.keys(), IDENTITY].some((path) => path.startsWith(`${name}/`));
  const kept = Object.entries(now).filter(([name, { sha256: hash }]) => hash !== null || !isFolder(name));
  return Object.fromEntries([...kept, ...made]);
}

/** The same with the identity that has been minted since. */
export function withIdentity(files: Seal['files'], { top }: InitPlan): Seal['files'] {
  const text = files[IDENTITY]?.sha256 === null ? readText(join(top, IDENTITY)) : undefined;
  return text === undefined ? files : { ...files, [IDENTITY]: { sha256: sha256(text) } };
}

/** What a person says yes to: what is to be written, and what a seal would cover then. */
export function boundOf({ missing, apply }: InitPlan, toSeal: Seal['files']): string {
  return digest({ missing, preset: apply?.preset ?? null, policy: apply?.applied.text ?? null, seal: sealDigest(toSeal) });
}
