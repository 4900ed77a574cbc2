import type { Ground } from '../sites/far-files.ts';
import { got } from './findings.ts';
import type { SetupCheck, SetupFinding } from './setup.ts';
import { error, ok, warning } from './setup-words.ts';

type Said = Omit<SetupFinding, 'code'>;

/** Less space than this is soon used up. 1 GiB. */
const LITTLE = 1024 ** 3;
/** Seconds by which the clocks of a site and of this machine may differ without a word. */
const SKEW = 5;

/** Whether a site that is elsewhere has the repository's files, or a folder of its own for them, as sites.yaml says. */
export const groundCheck: SetupCheck = {
  code: 'site_files',
  after: ['site', 'repository'],
  judge: ({ sites, programs }) => {
    return (got(sites) ?? []).flatMap(({ name, ground }) => {
      if (ground === undefined) return [];
      if ('failure' in ground)
        return [error(`site ${name}: its files cannot be looked at: ${ground.failure.what}`, ground.failure.next)];
      const { value } = ground;
      const said = value.isOwn ? ownFiles(name, value, programs.rsync != null) : sharedFiles(name, value);
      return [...said, ...clock(name, value)];
    });
  },
};

/** What was seen; `isOwn`: the site is said to have files of its own; `isSame`: it is this very working copy; `at`: when, by the clock of this machine, in epoch seconds. */
export type GroundSeen = Ground & { isOwn: boolean; isSame: boolean; at: number };

function ownFiles(name: string, { root, isThere, isWritable, isSame, hasRsync, free }: GroundSeen, isHere: boolean): Said[] {
  if (isSame)
    return [
      error(
        `site ${name}: its root ${root} is this very repository`,
        'take `root` out of .autolab/sites.yaml: the site sees the files of this machine',
      ),
    ];
  const found: Said[] = [];
  if (!isWritable)
    found.push(
      error(`site ${name}: ${root} cannot be written there`, 'make it there, or name another root in .autolab/sites.yaml'),
    );
  if (!hasRsync)
    found.push(
      error(
        `site ${name} has no rsync on PATH`,
        'ask its operators for rsync, or load it in a start-up file of the account there',
      ),
    );
  if (!isHere) found.push(error('there is no rsync on PATH here', 'install rsync'));
  if (free !== null && free < LITTLE)
    found.push(warning(`site ${name}: ${Math.floor(free / 1024 / 1024)} MiB are free at ${root}`, 'make room there'));
  if (found.length > 0) return found;
  return [ok(`site ${name} has files of its own: ${root}${isThere ? '' : ' (made when something is first brought there)'}`)];
}

function sharedFiles(name: string, { root, isSame, log }: GroundSeen): Said[] {
  if (isSame) return [ok(`site ${name} sees this repository at ${root}`)];
  return [
    error(
      `site ${name} does not see this repository: ${log === null ? `nothing of it is at ${root} there` : `another one is at ${root} there`}`,
      'give the site a `root` in .autolab/sites.yaml: a folder there that stands for the repository (docs/own-files.md)',
    ),
  ];
}

function clock(name: string, { clock: there, at }: GroundSeen): Said[] {
  const off = there === null ? 0 : Math.round(there - at);
  if (Math.abs(off) <= SKEW) return [];
  return [
    warning(
      `the clock of site ${name} is ${Math.abs(off)} s ${off > 0 ? 'ahead of' : 'behind'} this machine’s`,
      'set both by NTP: files and ends of jobs are judged by their times',
    ),
  ];
}
