import { quote } from '../../base/text.ts';
import { amountText, isAmount } from './amount.ts';
import type { Expected } from './expectation.ts';
import { pieces, withFile } from './regular-file.ts';
import { refuse } from './unreadable.ts';

const MAX_HEAD = 1 << 20;
const [QUOTE, LF, CR] = [0x22, 0x0a, 0x0d];

export type CsvFacts = {
  columns: readonly string[];
  /** Rows below the head; empty lines are none. */
  rows: number;
  /** The first row that has another number of fields than the head, counted from 1. */
  ragged: { row: number; fields: number } | null;
  /** The file ends within quotes. */
  open: boolean;
};

/** What is wrong with a table, in words that follow its name. */
export async function csvFaults(path: string, { path: name, columns = [], rows }: Expected<'csv'>): Promise<string[]> {
  const table = await readCsv(path, name.endsWith('.tsv') ? '\t' : ',');
  const absent = columns.filter((column) => !table.columns.includes(column));
  const { ragged } = table;
  return [
    ...(absent.length > 0 ? [`columns: no ${absent.join(', ')}; it has ${quote(table.columns.join(', '), 300)}`] : []),
    ...(table.open ? ['ends within quotes; it is cut off'] : []),
    ...(ragged ? [`row ${ragged.row} has ${ragged.fields} fields; expected ${table.columns.length}, as the head has`] : []),
    ...(rows !== undefined && !isAmount(table.rows, rows) ? [`rows: ${table.rows}; expected ${amountText(rows)}`] : []),
  ];
}

/** Counts a table of RFC 4180 in UTF-8, with any line ends, piece by piece. */
export function readCsv(path: string, separator: ',' | '\t'): Promise<CsvFacts> {
  return withFile(path, async (file) => {
    const counting = new Counting(separator.charCodeAt(0));
    for await (const piece of pieces(file)) counting.add(piece);
    return counting.end();
  });
}

class Counting {
  #columns: string[] | undefined;
  #head = Buffer.alloc(0);
  #rows = 0;
  #fields = 1;
  #ragged: CsvFacts['ragged'] = null;
  #quoted = false;
  /** Nothing but a line end has come since the last one. */
  #blank = true;
  readonly #separator: number;

  constructor(separator: number) {
    this.#separator = separator;
  }

  add(piece: Buffer): void {
    let from = 0;
    for (let at = 0; at < piece.length; at++) {
      const byte = piece[at];
      // A quote within quotes is written twice, so turning around at each comes to the same.
      if (byte === QUOTE) this.#quoted = !this.#quoted;
      else if (!this.#quoted && byte === this.#separator) this.#fields++;
      else if (!this.#quoted && (byte === LF || byte === CR)) {
        this.#keep(piece.subarray(from, at));
        this.#line();
        from = at + 1;
        continue;
      }
      this.#blank = false;
    }
    this.#keep(piece.subarray(from));
  }

  #keep(bytes: Buffer): void {
    if (this.#columns) return;
    this.#head = Buffer.concat([this.#head, bytes]);
    if (this.#head.length > MAX_HEAD) refuse(`has a first line of more than ${MAX_HEAD} bytes`);
  }

  #line(): void {
    if (!this.#blank) {
      if (!this.#columns) this.#columns = fieldsOf(this.#head.toString('utf8'), String.fromCharCode(this.#separator));
      else {
        this.#rows++;
        if (this.#fields !== this.#columns.length) this.#ragged ??= { row: this.#rows, fields: this.#fields };
      }
    }
    this.#blank = true;
    this.#fields = 1;
  }

  end(): CsvFacts {
    this.#line();
    return { columns: this.#columns ?? [], rows: this.#rows, ragged: this.#ragged, open: this.#quoted };
  }
}

function fieldsOf(line: string, separator: string): string[] {
  const pattern = separator === ',' ? /(?:^|,)(?:"((?:[^"]|"")*)"|([^,]*))/g : /(?:^|\t)(?:"((?:[^"]|"")*)"|([^\t]*))/g;
  return [...line.replace(/^\ufeff/, '').matchAll(pattern)].map(([, quoted, bare = '']) => quoted?.replaceAll('""', '"') ?? bare);
}
