import { matches } from './glob.ts';

/** A pattern of paths: `*` and `?` within one name, `**` over any folders, a folder by its name for all that is in it. */
export type PathPattern = { test(path: string): boolean };

/** Names that begin with a dot are matched by parts that do. A test takes time in proportion to both, whatever they are. */
export function pathPattern(pattern: string): PathPattern {
  const words = pattern.split('/').filter((part) => part !== '' && part !== '.');
  // One `**` behind another says nothing more.
  const parts = words.filter((part, at) => part !== '**' || words[at - 1] !== '**');
  const end = parts.length;
  /** `**` may stand for nothing, too; at the end it stands for what is in a folder. */
  const opened = (at: Set<number>): Set<number> => {
    for (const one of at) if (parts[one] === '**' && one + 1 < end) at.add(one + 1);
    return at;
  };
  return {
    test: (path) => {
      let at = opened(new Set([0]));
      for (const name of path.split('/')) {
        const next = new Set<number>();
        for (const one of at) {
          const part = parts[one];
          // What is in a folder that was named.
          if (one === end || (part === '**' && !name.startsWith('.'))) next.add(one);
          if (part === '**' && one + 1 === end && !name.startsWith('.')) next.add(end);
          else if (part !== undefined && part !== '**' && matches(name, part)) next.add(one + 1);
        }
        at = opened(next);
      }
      return at.has(end);
    },
  };
}
