import { digest } from '../../base/digest.ts';
import { quote } from '../../base/text.ts';
import { type ArrayFacts, readArray } from './npy.ts';
import { pieces, withFile } from './regular-file.ts';
import { flaw, flawText } from './unreadable.ts';
import { eachMember } from './zip.ts';

export type NpzFacts = {
  /** Its arrays by key: the name of the member without `.npy`. */
  arrays: ReadonlyMap<string, ArrayFacts>;
  /** Of keys and contents: equal for equal arrays, however they were packed and in which order. */
  digest: string;
};

/**
 * Reads every array of an archive that numpy.savez or savez_compressed wrote, or the one array that numpy.save wrote, under the key that
 * savez gives to an array without a name. What is damaged or hostile is refused in words.
 */
export async function readNpz(path: string): Promise<NpzFacts> {
  const arrays = path.endsWith('.npy') ? new Map([['arr_0', await readNpy(path)]]) : await readArchive(path);
  const contents = [...arrays].map(([key, { sha256 }]) => [key, sha256]).sort(([a = ''], [b = '']) => (a < b ? -1 : 1));
  return { arrays, digest: digest(contents) };
}

function readNpy(path: string): Promise<ArrayFacts> {
  return withFile(path, (file) => readArray(pieces(file)));
}

async function readArchive(path: string): Promise<Map<string, ArrayFacts>> {
  const arrays = new Map<string, ArrayFacts>();
  await eachMember(path, async ({ name, bytes }) => {
    if (!name.endsWith('.npy')) return drain(bytes);
    try {
      arrays.set(name.slice(0, -'.npy'.length), await readArray(bytes));
    } catch (error) {
      throw flaw(`has ${quote(name, 80)}, which ${flawText(error)}`);
    }
  });
  return arrays;
}

async function drain(bytes: AsyncIterable<Buffer>): Promise<void> {
  for await (const _ of bytes);
}
