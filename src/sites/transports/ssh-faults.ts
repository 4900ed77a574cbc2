import { Failure } from '../../base/errors.ts';
import { quote } from '../../base/text.ts';
import type { SshHost } from './ssh-host.ts';

/** What OpenSSH says when it is not let in (sshconnect2.c, 7.4 to 10.x), and what a jump host's says before it. */
const LOGIN =
  /Permission denied \(|Permission denied, please try again|Too many authentication failures|No more authentication methods|keyboard-interactive|Authentication failed|no mutual signature|sign_and_send_pubkey|Your password has expired|password expired/i;
/** Where a host key is another one than is known, or none is (sshconnect.c). */
const CHANGED = /REMOTE HOST IDENTIFICATION HAS CHANGED|Host key .*has changed|POSSIBLE DNS SPOOFING/;
const UNKNOWN = /Host key verification failed|No \S+ host key is known for/;

/** Why nothing was sent, from ssh's own words. That nothing was is certain whatever they are; they only tell what to do. */
export function unsentFault(site: SshHost, words: string): Failure {
  const quoted = quote(words, 1000);
  if (CHANGED.test(words))
    return new Failure('host_key_refused', {
      what: `the key of host ${site.host} has changed, so nothing was sent`,
      why: 'it is another machine, a new key, or somebody in between',
      next: `ask its operators for the new fingerprint; when it is right, take the old key out with \`ssh-keygen -R\`, and log in once with \`${site.plain}\``,
      quoted,
    });
  if (UNKNOWN.test(words))
    return new Failure('host_key_refused', {
      what: `the key of host ${site.host} is not known here, so nothing was sent`,
      next: `compare its fingerprint with the operators’ and log in once with \`${site.plain}\``,
      quoted,
    });
  if (LOGIN.test(words)) return loginNeeded(site, quoted);
  return new Failure('site_unreachable', {
    what: `host ${site.host} cannot be reached, so nothing was sent`,
    why: quoted.trim().split('\n').at(-1) || 'ssh ended and did not say why',
    next: site.isProxied
      ? `call again in a minute; if it stays so, a person types \`${site.login}\` in a terminal: it says what its jump host says, or asks what that asks`
      : `call again in a minute; if it stays so, see what \`${site.plain}\` says`,
    quoted,
  });
}

function loginNeeded(site: SshHost, quoted: string): Failure {
  return new Failure('login_needed', {
    what: `host ${site.host} wants you to log in, so nothing was sent`,
    why: 'no key or ticket that needs no answer is accepted there (a password, a second factor, an expired ticket, an agent without the key)',
    next: `a person types \`${site.login}\` in a terminal once and answers; then call again: that connection is used as long as it stays open`,
    quoted,
  });
}

/** The start-up files of the account there never came to their end, or something that is needed is missing. */
export function notReady(site: SshHost, words: string, timedOut: boolean): Failure {
  return new Failure('site_unreachable', {
    what: timedOut
      ? `host ${site.host} was not ready in time, so nothing was sent`
      : `host ${site.host} lets us in, and its shell does not get to run anything, so nothing was sent`,
    why: timedOut
      ? 'the network carries nothing, it is slow, or a start-up file of the account there waits for something'
      : 'its start-up files end the session, or /bin/sh, head or awk is missing there',
    next: `see what \`${site.plain} true\` does; start-up files there must neither ask nor wait nor end the shell`,
    quoted: quote(words, 1000),
  });
}

/** The command was sent, and its end was not heard. */
export function brokenFault(site: SshHost, words: string): Failure {
  return new Failure('site_unreachable', {
    what: `the connection to host ${site.host} broke before the answer was there`,
    why: 'whether the command has done its work there is not known',
    next: 'call again: what was being submitted is looked up by its name first',
    quoted: quote(words, 1000),
  });
}

/** The command was sent, and since then the host does not answer anything. */
export function silentFault(site: SshHost): Failure {
  return new Failure('site_unreachable', {
    what: `host ${site.host} does not answer any more`,
    why: 'the network between it and here carries nothing; whether the command has done its work there is not known, and it may go on',
    next: 'call again in a minute: what was being submitted is looked up by its name first',
  });
}

/** Another command has waited in vain a moment ago. */
export function unheardFault(site: SshHost): Failure {
  return new Failure('site_unreachable', {
    what: `host ${site.host} did not answer a moment ago, so nothing was sent`,
    next: 'call again in a minute; nothing that is running is touched',
  });
}
