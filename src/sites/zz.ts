import { localScheduler } from './schedulers/local.ts';
import { localTransport } from './transports/local.ts';
import { RUNNER } from './schedulers/local-runner.ts';
import { mkdtempSync, writeFileSync, readFileSync } from 'node:fs';
import { userInfo } from 'node:os';
writeFileSync('/tmp/runner.sh', RUNNER);
const d = mkdtempSync('/tmp/zz-'); const s = localScheduler({ root: `${d}/a=b/root` }); const t = localTransport();
const ask = async (q: any) => { const at = performance.now(); const o = await t.run(q.command, { timeoutMs: 30000 }); const ms=Math.round(performance.now()-at); try { const r = q.read(o); console.log(ms,'ms',JSON.stringify(r)); return r; } catch (e: any) { console.log('!', e.message, e.quoted, o.stdout); } };
writeFileSync(`${d}/s.sh`, '#!/bin/bash\nenv | sort; echo "$X"; sleep 0.5; exit ${AUTOLAB_TASK_INDEX:-0}\n', { mode: 0o755 });
const u = userInfo().username;
const job = (o: any) => ({ name: 'al_x', script: `${d}/s.sh`, cwd: d, stdout: `${d}/o{task}`, stderr: `${d}/e{task}`, environment: { X: "a 'b\n$c\n" }, after: [], comment: 'c', ...o, requested: { cpus: 1, gpus: 0, gpuType: null, nodes: 1, memoryMb: null, walltimeSeconds: 60, indices: null, parallel: null, partition: null, account: null, qos: null, requeues: 0, ...o.requested } });
await ask(s.version()); await ask(s.find('al_x', u)); await ask(s.queue(u)); await ask(s.poll({ jobs: [], user: u, since: 0 }));
const id = await ask(s.submitHeld(job({ requested: { indices: [0, 1, 2], parallel: 2 } })));
await ask(s.readBack(id)); await ask(s.find('al_x', u)); await ask(s.test(job({ requested: { cpus: 99, gpus: 1, memoryMb: 1e9 } }))); await ask(s.queue(u)); await ask(s.release(id));
await ask(s.release(id)); await ask(s.poll({ jobs: [{ id, name: 'al_x' }], user: u, since: 0 }));
for (let i=0;i<6;i++) { await new Promise((r) => setTimeout(r, 400)); await ask(s.poll({ jobs: [{ id, name: 'al_x' }], user: u, since: 0 })); }
console.log(readFileSync(`${d}/o1`, 'utf8'), readFileSync(`${d}/e1`, 'utf8')); await ask(s.queue(u));
console.log(d);
