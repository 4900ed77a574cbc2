// Bundles src/main.ts and everything it needs into dist/. `--if-possible`: quietly does nothing where the bundler is not installed,
// as when npm runs `prepare` without development dependencies.
import { mkdir, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');

/** Where somebody imports zod as one name, its fifty languages come along: a third of all bytes that a start would have to read. */
const onlyEnglish = {
  name: 'only English',
  setup: ({ onLoad }) =>
    onLoad({ filter: /zod\/v4\/locales\/index\.js$/ }, () => ({ contents: "export { default as en } from './en.js';" })),
};

/** Builds and returns the files written, relative to the package. Each appears whole or not at all, the entry last. */
export async function build() {
  const { build: bundle } = await import('esbuild');
  const { outputFiles } = await bundle({
    absWorkingDir: root,
    entryPoints: { main: 'src/main.ts' },
    outdir: 'dist',
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
    plugins: [onlyEnglish],
    write: false,
  });
  const { outputFiles: ofPage } = await bundle({
    absWorkingDir: root,
    entryPoints: { live: 'src/dashboard/page/live.ts' },
    outdir: 'dist/page',
    bundle: true,
    minify: true,
    legalComments: 'none',
    platform: 'browser',
    format: 'iife',
    target: 'es2022',
    logLevel: 'error',
    write: false,
  });
  outputFiles.push(...ofPage);
  await mkdir(join(root, 'dist', 'chunks'), { recursive: true });
  await mkdir(join(root, 'dist', 'page'), { recursive: true });
  const isEntry = ({ path }) => path.endsWith('main.mjs');
  for (const { path, contents } of outputFiles.sort((a, b) => isEntry(a) - isEntry(b))) {
    const fresh = `${path}.${process.pid}.new`;
    await writeFile(fresh, contents, { mode: isEntry({ path }) ? 0o755 : 0o644 });
    await rename(fresh, path);
  }
  // What Node has compiled of an earlier build, by src/main.ts.
  await rm(join(root, 'dist', 'compiled'), { recursive: true, force: true });
  const kept = new Set(outputFiles.map(({ path }) => path));
  const chunks = (await readdir(join(root, 'dist', 'chunks'))).map((name) => join(root, 'dist', 'chunks', name));
  await Promise.all(chunks.filter((path) => path.endsWith('.mjs') && !kept.has(path)).map((path) => rm(path, { force: true })));
  return [...kept].map((path) => relative(root, path)).sort();
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) {
  try {
    await build();
  } catch (error) {
    if (!(process.argv.includes('--if-possible') && error.code === 'ERR_MODULE_NOT_FOUND')) {
      if (!error.errors) console.error(error); // esbuild has already printed its own
      process.exitCode = 1;
    }
  }
}
