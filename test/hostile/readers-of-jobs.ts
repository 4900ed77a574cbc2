import { join } from 'node:path';
import { parseIndices, readIndices } from '../../src/base/indices.ts';
import { readComment } from '../../src/runs/audit/job-comment.ts';
import { refuseSubmitting } from '../../src/runs/children/nested-submission.ts';
import { readEvent, tellable } from '../../src/runs/events/event.ts';
import { follow } from '../../src/runs/events/follow.ts';
import { NOTHING_READ, readEventRecord } from '../../src/runs/events/record.ts';
import { ownerOf } from '../../src/runs/resume/lock-state.ts';
import { childNotes } from '../../src/sites/child-notes.ts';
import { readEventsSeen } from '../../src/sites/events-look.ts';
import { readLockLook } from '../../src/sites/lock-look.ts';
import { markersCommand, readMarker } from '../../src/sites/markers.ts';
import { processLook } from '../../src/sites/process-look.ts';
import * as local from '../../src/sites/schedulers/local-answers.ts';
import { sbatchOptions } from '../../src/sites/schedulers/sbatch-options.ts';
import { parseMemoryMb, parseWalltime } from '../../src/sites/schedulers/units.ts';
import type { Output } from '../../src/sites/transports/transport.ts';
import type { Reader } from './reader.ts';
import { output } from './readers-of-slurm.ts';
import { FOLDER, fileWith } from './scratch-file.ts';

const SHOWN = `clock 1795975500
host n1
7/spec:name=al_x.main.1.abc
7/spec:user=me
7/spec:indices=0-3
7/spec:submitted=1795975400
7/spec:comment=autolab
7/log:START 0 1795975410 77
7/log:END 0 completed 0 1795975420 a note
flag 7 held
go 7 1
waits 7 6
never 7 5
end
`;
const SPEC =
  'cpus=2\ngpus=0\ngpuType=\nnodes=1\nmemoryMb=\nwalltimeSeconds=60\nindices=0-3\nparallel=2\npartition=\naccount=\nqos=\nrequeues=0\nend\n';
const MARKER = {
  ...{ schema_version: '1', step: 'main', task: 0, attempt: 1, restart: 0, job_id: '7', node: 'n1', exit: 0, signals: ['TERM'] },
  ...{ started: 1, ended: 2, stdout: '/lab/out', stderr: null },
};
const INTENT = { at: 1, name: 'x', script: 'a.sh', array: '0-3', after: 'afterok:1', by: '' };
const MARKERS = `gate 0
exit/main/main.0.1.json\0${JSON.stringify(MARKER)}
duplicates/x.json\0{"schema_version":"1"}
children/main.1/1/intent.json\0${JSON.stringify(INTENT)}
end
`;
const LOCK = `host n1
now 1795975500
there file
modified 1795975400
system ext2/ext3
lock 1: FLOCK  ADVISORY  WRITE 712 08:01:131 0 EOF
probe 0
body
{"run_id":"r1","owner_pid":12,"owner_host":"n1","acquired_at":"2026-01-01T00:00:00Z"}
end
`;
const EVENT =
  '{"event_version":1,"timestamp_utc":"2026-02-18T16:00:45.5+00:00","action":"densegen_health","args":{"a":1},"metrics":{"rows":128}}\n';
const HEAD = { bytes: 0, sha256: NOTHING_READ.head.sha256 };
const SEEN = `absent\nfile 0 same 0 ${HEAD.sha256}\n${Buffer.from(EVENT).toString('base64')}\nend\n`;
const BATCH = `#!/bin/bash
#SBATCH --job-name="a b" -N 1-2 --time=1-02:03:04 # why
#SBATCH --array=0-31%4 --gres=gpu:a100:2 --mem=16G
#SBATCH -c 4 --partition=debug,gpu
set -e
`;
const CALLS = `#!/bin/sh
# sbatch here is a comment
X=1 nohup env A=b python train.py "$(cat x)" && echo done
bash -c 'sleep 1; ./go.sh'
if true; then sbatch --array=0-3 next.sh; fi
`;

const answered = (name: string, seed: string, read: (output: Output) => unknown): Reader => ({
  names: [`sites/schedulers/local-answers.ts#${name}`],
  seeds: [seed],
  words: [
    '7/spec:a=b\n',
    '7/log:START 0 1 1\n',
    'waits 7 6\n',
    '7/spec:indices=0-99999\n',
    '0-99999,',
    '1/spec:indices=0-99999\n',
  ],
  read: (text) => read(output(text)),
});

export const JOB_READERS: readonly Reader[] = [
  answered('readId', 'id 7\nend\n', local.readId),
  answered('readNothing', 'end\n', local.readNothing),
  answered('readJobs', SHOWN, local.readJobs('me')),
  answered('readLook', SHOWN, local.readLook),
  answered('readQueue', 'queue 3 1\nend\n', local.readQueue),
  answered('readHistory', SHOWN, local.readHistory('me')),
  answered('readVersion', 'local 1\nend\n', local.readVersion),
  answered('readFindings', 'error no such cpu\nend\n', local.readFindings('a fault')),
  answered('readRequested', SPEC, local.readRequested),
  { names: ['sites/markers.ts#readMarker'], seeds: [JSON.stringify(MARKER)], read: readMarker },
  {
    names: ['sites/markers.ts#markersCommand'],
    seeds: [MARKERS],
    words: ['children/main.1/1/intent.json\0{}\n', 'exit/a.json\t\n', 'gate 0\n', 'gate 1\n', 'missing\n'],
    read: (text) => markersCommand(['/lab/gate', '/lab/other']).read(output(text)),
  },
  {
    names: ['sites/child-notes.ts#childNotes'],
    seeds: [`children/main.1/1/intent.json\n${JSON.stringify(INTENT)}`, 'children/main.1/no.1/refused.json\n{"at":1}'],
    words: ['children/', 'main.1/', 'intent.json'],
    read: (text) => childNotes([{ path: text.split('\n')[0] ?? '', text: text.slice(text.indexOf('\n') + 1) }]),
  },
  {
    names: ['sites/lock-look.ts#readLockLook'],
    seeds: [LOCK],
    words: ['lock 1: A B C 1 '],
    read: (text) => readLockLook(output(text), '/lab/lock'),
  },
  {
    names: ['sites/process-look.ts#processLook'],
    seeds: [`boot 1795900000\nticks 100\nstat S ${'1 '.repeat(40)}\n`],
    read: (text) => processLook(12).read(output(text)),
  },
  {
    names: ['runs/events/event.ts#readEvent', 'runs/events/follow.ts#follow'],
    seeds: [EVENT.repeat(3)],
    words: ['{"timestamp_utc":"', '"metrics":{"a":1,', EVENT],
    read: (text) => [
      tellable(readEvent(text) ?? { at: 0, action: text, metrics: { [text]: 1 } }),
      follow(
        NOTHING_READ,
        { there: 'file', from: 0, anew: false, head: HEAD, data: Buffer.from(text) },
        { since: 0, until: Number.POSITIVE_INFINITY },
      ),
    ],
  },
  {
    names: ['sites/events-look.ts#readEventsSeen'],
    seeds: [SEEN],
    words: ['absent\n', `file 0 same 0 ${HEAD.sha256}\n\n`, 'end\n', 'AAAA'],
    read: (text) => readEventsSeen(output(text), 2),
  },
  {
    names: ['runs/events/record.ts#readEventRecord'],
    seeds: [JSON.stringify(NOTHING_READ)],
    read: (text) => {
      fileWith('events/gate/events.json', text);
      return readEventRecord({ folder: join(FOLDER, 'events') });
    },
  },
  { names: ['runs/resume/lock-state.ts#ownerOf'], seeds: [LOCK.split('\n').at(-3) ?? ''], read: ownerOf },
  {
    names: ['sites/schedulers/sbatch-options.ts#sbatchOptions', 'sites/schedulers/sbatch-lines.ts#directives'],
    seeds: [BATCH],
    words: [
      '#SBATCH ',
      '#SBATCH --array=',
      '--x ',
      '-N1 ',
      '"',
      '0-99999,',
      '#SBATCH --mem=1\n',
      '#PBS ',
      '#$ -a',
      '#SBATCH --gres=gpu:',
    ],
    read: sbatchOptions,
  },
  {
    names: ['runs/children/nested-submission.ts#refuseSubmitting'],
    seeds: [CALLS],
    words: [';a=', '!/', 'a#', 'eval "', "-c 'x' ", 'exec -x ', 'if ', '$(', 'sbatch', 'x=1 ', '; sbatch a.sh', 'a/', ' a-'],
    read: (text) => refuseSubmitting(text, 'launch/run.sh'),
  },
  {
    names: ['base/indices.ts#readIndices'],
    seeds: ['0-31%4', '1,3,5-9:2'],
    words: ['0-99999,', '0-99999:1,', '%', '1-1,'],
    read: readIndices,
  },
  {
    names: ['base/indices.ts#parseIndices'],
    seeds: ['0-31%4'],
    words: ['0-3999999,'],
    read: (text) => parseIndices(text, 1000),
  },
  { names: ['sites/schedulers/units.ts#parseWalltime'], seeds: ['1-02:03:04', '60'], read: parseWalltime },
  { names: ['sites/schedulers/units.ts#parseMemoryMb'], seeds: ['16G'], read: parseMemoryMb },
  {
    names: ['runs/audit/job-comment.ts#readComment'],
    seeds: [`autolab-mcp/0.1.0 run=r1 plan=${'a'.repeat(16)} head=${'b'.repeat(16)} repo=${'c'.repeat(16)}`],
    read: readComment,
  },
];
