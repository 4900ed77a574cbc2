import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from './repo.ts';

/** The fenced blocks of a document of ours by the heading they stand under, in order: `section('Launch')` is its first one of bash. */
export function openDocument(path: string): { block(heading: string, nth?: number, language?: string): string } {
  const sections = readFileSync(join(ROOT, path), 'utf8').split(/^#+ /m);
  return {
    block: (heading, nth = 0, language = 'bash') => {
      const section = sections.find((one) => one.startsWith(`${heading}\n`)) ?? '';
      const found = [...section.matchAll(/^```(\w+)\n(.*?)^```$/gms)].filter(([, word]) => word === language)[nth]?.[2];
      if (found === undefined) throw new Error(`${path} has no ${language} block ${nth} under "${heading}"`);
      return found;
    },
  };
}

/** The blocks of a document that show a session, in order: each command, and the lines it is shown to answer. */
export function sessionsOf(path: string): { command: string; shown: string[] }[] {
  const blocks = [...readFileSync(join(ROOT, path), 'utf8').matchAll(/^```console\n(.*?)^```$/gms)];
  return blocks
    .flatMap(([, block = '']) => block.split(/^\$ /m).slice(1))
    .map((part) => {
      const [command = '', ...shown] = part.trimEnd().split('\n');
      return { command, shown };
    });
}

/** The commands of a block, one each, with what stands in angle brackets filled in. */
export function commandsOf(block: string, words: Readonly<Record<string, string>>): string[] {
  return block
    .replace(/\\\n\s*/g, '')
    .split('\n')
    .filter(Boolean)
    .map((line) =>
      line.replace(/<([a-z-]+)>/g, (placeholder, name: string) => {
        const word = words[name];
        if (word === undefined) throw new Error(`nothing fills in ${placeholder}`);
        return word;
      }),
    );
}
