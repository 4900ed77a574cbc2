import { readHookCall } from '../../src/hook/call.ts';
import { detoursIn } from '../../src/hook/judge.ts';
import { guardOf } from '../../src/hook/paths.ts';
import type { Reader } from './reader.ts';

const PLACE = { cwd: '/tmp', home: '/root', guard: guardOf('/tmp'), which: () => 'none' as const };
const CALL = JSON.stringify({ hook_event_name: 'PreToolUse', tool_name: 'Bash', cwd: '/tmp', tool_input: { command: 'ls' } });
const PATCH = JSON.stringify({
  tool_name: 'apply_patch',
  tool_input: { command: '*** Begin Patch\n*** Update File: a\n*** End Patch' },
});

/** What a hook is given: a host’s call, and in it commands that a shell would run. */
export const HOOK_READERS: readonly Reader[] = [
  {
    names: ['hook/call.ts#readHookCall'],
    seeds: [CALL, PATCH],
    words: ['{"tool_input":', '"command":', '[', '*** Add File: '],
    read: (text) => readHookCall(text, '/tmp'),
  },
  {
    names: ['hook/shell/commands.ts#readScript', 'hook/inline.ts#readCode'],
    seeds: [
      'cd a && X=1 timeout 5 sh -c "sbatch $(echo x)" > out.txt 2>&1 | tee b <<EOF\n$(ls)\nEOF\n',
      'case $x in a|b) for f in a b; do echo "$f" `ls`; done;; esac; a=(1 2); {a,b}c $((1+2)) [[ -n $x ]]',
      `python3 -c "import subprocess; subprocess.run(['ls', 'x'], shell='a')" && find . -exec rm {} \\; -name '*.a' -delete`,
    ],
    words: ['$(', '((', '<<a ', '{a,b}', 'sh -c ', 'a=$a$a;', 'find -exec '],
    read: (text) => detoursIn(text, PLACE),
  },
];
