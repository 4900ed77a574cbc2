import { readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { build } from 'esbuild';
import ts from 'typescript';

export const ROOT = resolve(import.meta.dirname, '../..');
/** What is counted: ours, and the packages that read bytes for us. */
const COUNTED = /\/src\/.*\.ts$|\/node_modules\/(?:yaml|yauzl)\/.*\.js$/;
const { factory: make, SyntaxKind: Kind } = ts;

/*
 * Coverage is counted by statements put into the bundle. @jazzer.js/fuzzer 4.0.0 is built against glibc 2.38 and does not load on Debian
 * 12 (2.36); its older versions download their libraries while they are installed. The profiler of node:inspector goes over all scripts
 * of the process for every answer, which takes longer.
 */

/** Bundles a target as CommonJS with a call of `__hit` in every branch; gives the short texts its code compares with, too. */
export async function bundle(target, outfile) {
  const words = new Set();
  let count = 0;
  const load = ({ path }) => {
    let text = readFileSync(path, 'utf8').replaceAll('import.meta.dirname', JSON.stringify(dirname(path)));
    if (!COUNTED.test(path)) return { contents: text, loader: path.endsWith('.ts') ? 'ts' : 'js' };
    const transform = counting(() => spread(++count), path.startsWith(join(ROOT, 'src')) ? words : new Set());
    const compilerOptions = { target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.ESNext, allowJs: true, verbatimModuleSyntax: false };
    if (path.endsWith('.js')) compilerOptions.module = ts.ModuleKind.Preserve;
    text = ts.transpileModule(text, { fileName: path, compilerOptions, transformers: { before: [transform] } }).outputText;
    return { contents: text, loader: 'js' };
  };
  await build({
    ...{ absWorkingDir: ROOT, entryPoints: [target], outfile, bundle: true, platform: 'node', format: 'cjs', target: 'node20' },
    logLevel: 'error',
    plugins: [{ name: 'count', setup: ({ onLoad }) => onLoad({ filter: /\.ts$|\/(?:yaml|yauzl)\/.*\.js$/ }, load) }],
  });
  return { words: [...words], branches: count };
}

/** Numbers one after the other lie close together; their pairs must not. */
function spread(number) {
  return Math.imul(number, 0x9e3779b1) >>> 16;
}

function counting(next, words) {
  const hit = () => make.createCallExpression(make.createIdentifier('__hit'), undefined, [make.createNumericLiteral(next())]);
  const line = () => make.createExpressionStatement(hit());
  const both = (expression) => make.createParenthesizedExpression(make.createComma(hit(), expression));
  const inBlock = (node) => (ts.isBlock(node) ? node : make.createBlock([line(), node], true));
  return (context) => {
    const each = (node) => {
      if (ts.isTypeNode(node)) return node;
      if (ts.isStringLiteral(node) && node.text.length > 0 && node.text.length < 30 && !ts.isImportDeclaration(node.parent)) words.add(node.text);
      const seen = ts.visitEachChild(node, each, context);
      if (ts.isBlock(seen)) return make.updateBlock(seen, [line(), ...seen.statements]);
      if (ts.isArrowFunction(seen) && !ts.isBlock(seen.body))
        return make.updateArrowFunction(
          ...[seen, seen.modifiers, seen.typeParameters, seen.parameters, seen.type, seen.equalsGreaterThanToken, both(seen.body)],
        );
      if (ts.isConditionalExpression(seen))
        return make.updateConditionalExpression(
          ...[seen, seen.condition, seen.questionToken, both(seen.whenTrue), seen.colonToken, both(seen.whenFalse)],
        );
      if (ts.isBinaryExpression(seen) && [Kind.AmpersandAmpersandToken, Kind.BarBarToken, Kind.QuestionQuestionToken].includes(seen.operatorToken.kind))
        return make.updateBinaryExpression(seen, seen.left, seen.operatorToken, both(seen.right));
      if (ts.isIfStatement(seen))
        return make.updateIfStatement(seen, seen.expression, inBlock(seen.thenStatement), seen.elseStatement && inBlock(seen.elseStatement));
      if (ts.isCaseClause(seen)) return make.updateCaseClause(seen, seen.expression, [line(), ...seen.statements]);
      if (ts.isDefaultClause(seen)) return make.updateDefaultClause(seen, [line(), ...seen.statements]);
      return seen;
    };
    return (file) => ts.visitEachChild(file, each, context);
  };
}
