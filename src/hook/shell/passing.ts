import { asTyped, finished } from './marks.ts';
import { ShellReader } from './reader.ts';

/** Goes over what holds words and starts nothing. Substitutions in it are read, as everywhere. */
export abstract class PassingReader extends ShellReader {
  /** The words of `(…)`, as an array is given. */
  protected listed(): string[] {
    const list: string[] = [];
    this.at++;
    for (let mark = this.next(); mark !== undefined && mark !== ')'; mark = this.next()) {
      this.spend();
      const word = this.word();
      if (word === undefined) this.at++;
      else list.push(...finished(word));
    }
    this.at++;
    return list;
  }

  /** `[[ … ]]`, in which nothing is started or redirected. */
  protected condition(): void {
    for (let mark = this.next(); mark !== undefined; mark = this.next()) {
      this.spend();
      const word = this.word();
      if (word === undefined) this.at++;
      else if (asTyped(word) === ']]') return;
    }
  }

  /** What a `case` holds against its word, up to the `)`: no command. */
  protected pattern(): void {
    if (/^esac\b/.test(this.text.slice(this.at, this.at + 5))) return;
    for (let mark = this.next(); mark !== undefined; mark = this.next()) {
      this.spend();
      if (this.word() === undefined) this.at++;
      if (mark === ')') return;
    }
  }
}
