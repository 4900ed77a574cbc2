// What .ci/run does with vitest's JSON reports: report.mjs counts|failures|again|merge FILE [SECOND].
import { readFileSync, writeFileSync } from 'node:fs';
import { relative } from 'node:path';

const [, , verb, file, second] = process.argv;
const read = (path) => JSON.parse(readFileSync(path, 'utf8'));
const report = read(file);
const failedIn = (result) => result.assertionResults.filter((test) => test.status === 'failed');
/** A file that ended before its tests did. */
const isBroken = (result) => result.status === 'failed' && failedIn(result).length === 0;
const nameOf = (result) => relative(process.cwd(), result.name);

/** Tests that wait for real programs and daemons; never those of exactly-once, of races and of laws. */
const WAITS = /^test\/(?:clusters|cli|server|examples|docs|sites|tools|loop|weaknesses|browser|dashboard)\//;
const NEVER =
  /kill|crash|race|law|cut|conformance|audit|lock|crowd|late|fault|lies|munge|trials|unanswered|namespaces|laptop|ssh-runs|submitting|records|own-files|readers|choose-site|secrets|groups|retry|pause|notices|forged|envelope|options|charts|arguments|draw|documents/;
/** More than a few are no accident. */
const FEW = 3;

const verbs = {
  counts() {
    const tests = report.testResults.flatMap((result) => result.assertionResults);
    const count = (...states) => tests.filter((test) => states.includes(test.status)).length;
    const failed = count('failed') + report.testResults.filter(isBroken).length;
    console.log(count('passed'), failed, count('pending', 'skipped', 'todo', 'disabled'));
  },
  failures() {
    for (const result of report.testResults) {
      if (isBroken(result)) console.log(`FAILED: ${nameOf(result)}\n${result.message}`);
      for (const test of failedIn(result))
        console.log(`FAILED: ${nameOf(result)}: ${test.fullName}\n${test.failureMessages.join('\n').slice(0, 1500)}`);
    }
  },
  again() {
    const failed = report.testResults.filter((result) => result.status === 'failed');
    const tests = failed.reduce((sum, result) => sum + Math.max(1, failedIn(result).length), 0);
    const names = failed.map(nameOf);
    if (tests <= FEW && names.every((name) => WAITS.test(name) && !NEVER.test(name))) for (const name of names) console.log(name);
  },
  merge() {
    const results = new Map(read(second).testResults.map((result) => [result.name, result]));
    for (const result of report.testResults)
      for (const test of isBroken(result) ? [{ fullName: 'the whole file' }] : failedIn(result))
        console.log(
          `FLAKY, failed beside others${results.has(result.name) ? ' and was run alone' : ''}: ${nameOf(result)}: ${test.fullName}`,
        );
    report.testResults = report.testResults.map((result) => results.get(result.name) ?? result);
    writeFileSync(file, JSON.stringify(report));
  },
};
verbs[verb]();
