import { cpSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { build } from 'esbuild';

export const ROOT = resolve(import.meta.dirname, '..');

/** As scripts/build.mjs bundles the product, so that a baseline differs in what it does and not in how it was packed. */
const SAME = {
  absWorkingDir: ROOT,
  outExtension: { '.js': '.mjs' },
  chunkNames: 'chunks/[name]-[hash]',
  bundle: true,
  splitting: true,
  minify: true,
  legalComments: 'none',
  platform: 'node',
  format: 'esm',
  target: 'node20',
  banner: { js: "import{createRequire as requireFrom}from'node:module';const require=requireFrom(import.meta.url);" },
  logLevel: 'error',
  plugins: [
    {
      name: 'only English',
      setup: ({ onLoad }) =>
        onLoad({ filter: /zod\/v4\/locales\/index\.js$/ }, () => ({ contents: "export { default as en } from './en.js';" })),
    },
  ],
};

/**
 * Puts into `folder` a copy of the built product, so that a rebuild meanwhile changes nothing, the no-op server, and what calls the
 * product's own functions from within.
 */
export async function bundleAll(folder) {
  for (const part of ['dist', 'presets', 'package.json'])
    cpSync(join(ROOT, part), join(folder, 'product', part), { recursive: true });
  await build({ ...SAME, entryPoints: { noop: 'bench/noop-server.mjs' }, outdir: join(folder, 'noop') });
  const inside = ['records', 'decide', 'poll', 'parts', 'runner', 'slurm', 'ssh', 'sync'];
  await build({
    ...SAME,
    minify: false,
    entryPoints: Object.fromEntries(inside.map((name) => [name, `bench/inside/${name}.mjs`])),
    outdir: join(folder, 'inside'),
  });
  return {
    main: join(folder, 'product', 'dist', 'main.mjs'),
    presets: join(folder, 'product', 'presets'),
    noop: join(folder, 'noop', 'noop.mjs'),
    inside: (name) => join(folder, 'inside', `${name}.mjs`),
  };
}
