// The embedded runner's commands as they are, for whoever wants to run them by hand: prints them and what they read on stdin.
import { localScheduler } from '../../src/sites/schedulers/local.ts';

const { root, script, folder, name, id } = JSON.parse(process.argv[2]);
const scheduler = localScheduler({ root });
const requested = {
  cpus: 1,
  gpus: 0,
  gpuType: null,
  nodes: 1,
  memoryMb: 100,
  walltimeSeconds: 60,
  indices: null,
  parallel: null,
  partition: null,
  account: null,
  qos: null,
  requeues: 0,
};
const job = {
  name,
  script,
  cwd: folder,
  stdout: `${folder}/out`,
  stderr: `${folder}/err`,
  requested,
  environment: {},
  after: [],
  comment: 'bench',
};
const asks = {
  submit: scheduler.submitHeld(job),
  spec: scheduler.readBack(id),
  release: scheduler.release(id),
  queue: scheduler.queue(''),
};
console.log(JSON.stringify(Object.fromEntries(Object.entries(asks).map(([key, ask]) => [key, ask.command]))));
