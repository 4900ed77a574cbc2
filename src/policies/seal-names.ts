import { readJson } from '../base/files.ts';

/**
 * The names and patterns that the seal in this file covers, without judging it: who only asks whether a file is sealed need not wait for
 * that. Undefined where there is no seal. What is no seal is the failure of reading it, or empty: whether a seal holds is `sealState`'s to say.
 */
export function readSealedNames(path: string): { files: string[]; patterns: string[] } | undefined {
  const json = readJson(path);
  if (json === undefined) return undefined;
  const seal: { files?: unknown; patterns?: unknown } = typeof json === 'object' && json !== null ? json : {};
  const files = typeof seal.files === 'object' && seal.files !== null ? Object.keys(seal.files) : [];
  const patterns = Array.isArray(seal.patterns) ? seal.patterns.filter((one): one is string => typeof one === 'string') : [];
  return { files, patterns };
}
