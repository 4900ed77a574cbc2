/** How a program that starts another one takes it. */
export type Wrapper = {
  /** Letters of options that take the next word. */
  values?: string;
  /** Words before the command: a host, a time, a folder. */
  skip?: number;
  /** Assignments may stand before the command. */
  assigns?: boolean;
  /** It starts something only after one of these. */
  after?: readonly string[];
  /** An option with which it starts nothing. */
  unless?: RegExp;
  /** It starts what stands after this option. */
  option?: RegExp;
  /** Its options take so many words that each may be the command. */
  tries?: boolean;
  /** It gives the words to a shell as one text. */
  joins?: boolean;
};

const FD = /^(?:-x|-X|--exec|--exec-batch)$/;
const RUNS = { after: ['run'] };

/** By name. Letters are those of GNU, util-linux and OpenSSH; where one is missing, the word after an option that is not known is tried too. */
export const WRAPPERS: Readonly<Record<string, Wrapper>> = {
  env: { values: 'uC', assigns: true },
  exec: { values: 'a' },
  command: { unless: /^-[pP]*[vV]/ },
  sudo: { values: 'ughpCTrtDRU', assigns: true, unless: /^-[lvVKk]+$/ },
  runuser: { values: 'ugGsc' },
  doas: { values: 'uC' },
  nice: { values: 'n' },
  ionice: { values: 'cnpPu' },
  time: { values: 'fo' },
  timeout: { values: 'sk', skip: 1 },
  stdbuf: { values: 'ioe' },
  xargs: { values: 'InPLdaseE' },
  parallel: { values: 'jPIS' },
  chroot: { skip: 1 },
  taskset: { skip: 1 },
  numactl: { values: 'CNmip' },
  setarch: { skip: 1 },
  faketime: { skip: 1 },
  strace: { values: 'oepsuEPaSI' },
  ltrace: { values: 'oepsualn' },
  chrt: { values: 'TPD', skip: 1 },
  prlimit: { values: 'p' },
  choom: { values: 'np' },
  bwrap: { tries: true },
  firejail: {},
  entr: {},
  fd: { option: FD },
  fdfind: { option: FD },
  flock: { values: 'wE', skip: 1 },
  sg: { skip: 1, joins: true },
  watch: { values: 'n', joins: true },
  ssh: { values: 'plioFJLRDbcEeImOQSWwB', skip: 1, joins: true },
  rsh: { values: 'l', skip: 1, joins: true },
  mosh: { skip: 1, joins: true },
  pdsh: { values: 'wxlg', joins: true },
  clush: { values: 'wgxl', joins: true },
  nsenter: { values: 'tSG' },
  'systemd-run': { values: 'puMHE' },
  perf: { after: ['stat', 'record'], values: 'eo' },
  direnv: { after: ['exec'], skip: 1 },
  conda: { ...RUNS, values: 'np' },
  mamba: { ...RUNS, values: 'np' },
  micromamba: { ...RUNS, values: 'np' },
  docker: { after: ['exec', 'run'], values: 'euwvpl', skip: 1 },
  podman: { after: ['exec', 'run'], values: 'euwvpl', skip: 1 },
  apptainer: { after: ['exec', 'run'], values: 'BHW', skip: 1 },
  singularity: { after: ['exec', 'run'], values: 'BHW', skip: 1 },
  npm: { after: ['exec', 'x'] },
  pnpm: { after: ['exec', 'dlx'] },
  yarn: { after: ['exec', 'dlx', 'run'] },
  mpirun: { values: 'nHx' },
  mpiexec: { values: 'nHx' },
  ...Object.fromEntries(['uv', 'poetry', 'pdm', 'pipenv', 'hatch', 'pixi', 'rye'].map((name) => [name, RUNS])),
  ...Object.fromEntries(
    [
      ...['nohup', 'setsid', 'builtin', 'npx', 'bunx', 'uvx', 'unshare', 'unbuffer', 'chronic', 'busybox', 'toybox', 'spawn'],
      ...['proxychains', 'proxychains4', 'caffeinate', 'fakeroot', 'eatmydata', 'rlwrap', 'linux64', 'valgrind', 'catchsegv'],
      ...['dbus-run-session', 'xvfb-run', 'noglob', 'nocorrect', 'torsocks', 'dtach', 'setpriv', 'stdin', 'sem'],
    ].map((name) => [name, {}]),
  ),
};

/** A dynamic linker, called as a program. */
export const LINKER = /^ld(?:-linux[\w.-]*)?\.so/;
