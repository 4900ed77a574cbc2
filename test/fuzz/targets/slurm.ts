import type { Reader } from '../../hostile/reader.ts';
import { SLURM_READERS } from '../../hostile/readers-of-slurm.ts';
import { target as of } from '../target.ts';

const PART = /^(k[0-9a-f]{16}) begin (\w+)\n([\s\S]*?)\n?\1 code 0$/gm;
/** How rows are written here: the word that separates them is another one in every answer. */
const MARK = '@k@';

/** A reader of whole answers as readers of one part each: what is made up stands in an answer that is whole and says the rest well. */
function framed(reader: Reader): Reader[] {
  return reader.seeds.flatMap((answer) =>
    [...answer.matchAll(PART)].map(([all, word, name, rows = '']) => {
      const [before = '', after = ''] = answer.split(all);
      const separator = `@${word}@`;
      const plain = (text: string) => text.replaceAll(separator, MARK).replaceAll(`${word} `, '');
      return {
        names: [...reader.names, name ?? ''],
        seeds: [plain(rows)],
        words: [MARK, 'N/A', 'UNLIMITED', 'Unknown', '(null)', ...(reader.words ?? []).map(plain)],
        read: (text: string) =>
          reader.read(`${before}${word} begin ${name}\n${text.replaceAll(MARK, separator)}\n${word} code 0${after}`),
      };
    }),
  );
}

/** What the clients of Slurm print. */
export const target = of([...SLURM_READERS.flatMap(framed), ...SLURM_READERS]);
