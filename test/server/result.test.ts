import { expect, test } from 'vitest';
import { toResult } from '../../src/server/result.ts';
import { sample } from '../cli/sample.ts';

const data = { next_look_seconds: 30, all_over: false };

test('a result is structured content and a short text', () => {
  expect(toResult({ kind: 'done', data, text: 'look in 30 s', exit: 0, faults: [] }, sample)).toEqual({
    structuredContent: data,
    content: [{ type: 'text', text: 'look in 30 s' }],
  });
});

test('what went wrong after the act is told beside the result', () => {
  expect(toResult({ kind: 'done', data, text: 'look in 30 s', exit: 0, faults: ['internal fault: the log'] }, sample)).toEqual({
    structuredContent: data,
    content: [{ type: 'text', text: 'This was done.\nlook in 30 s\ninternal fault: the log' }],
    _meta: { 'autolab/outcome': { kind: 'done', faults: ['internal fault: the log'] } },
  });
});

test('an answer that misses its schema still says that the act took place', () => {
  expect(
    toResult({ kind: 'done', data: { all_over: 1 }, text: 'done', exit: 0, faults: ['internal fault: the answer'] }, sample),
  ).toEqual({
    isError: true,
    content: [{ type: 'text', text: 'This was done.\ndone\ninternal fault: the answer' }],
    _meta: { 'autolab/outcome': { kind: 'done', data: { all_over: 1 }, faults: ['internal fault: the answer'] } },
  });
});

test('what is no result is marked, said in words, and said again for machines', () => {
  const failure = { code: 'run_unknown' as const, what: 'no run x', next: 'list_runs', retry: false };
  expect(toResult({ kind: 'failed', failure, text: 'no run x', exit: 1 }, sample)).toEqual({
    isError: true,
    content: [{ type: 'text', text: 'no run x\nThe same call fails again until something is changed.' }],
    _meta: { 'autolab/outcome': { kind: 'failed', failure, exit: 1 } },
  });
  const later = { ...failure, retry: true, quoted: 'call cancel_run' };
  expect(toResult({ kind: 'failed', failure: later, text: 'The same call can succeed later.', exit: 1 }, sample)).toEqual({
    isError: true,
    content: [{ type: 'text', text: 'The same call can succeed later.' }],
    _meta: { 'autolab/outcome': { kind: 'failed', failure: { ...failure, retry: true }, exit: 1 } },
  });
  expect(toResult({ kind: 'running', what: 'preflight', askAgainSeconds: 5, text: 'Still running: preflight' }, sample)).toEqual({
    isError: true,
    content: [{ type: 'text', text: 'Still running: preflight' }],
    _meta: { 'autolab/outcome': { kind: 'running', what: 'preflight', askAgainSeconds: 5 } },
  });
});
