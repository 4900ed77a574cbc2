import type { UserInfo } from 'node:os';
import { userInfo } from 'node:os';

let known: UserInfo<string> | undefined;

/**
 * Who runs this process and where their home is, as the password database has it: not USER or HOME, which a caller could set. Asked once in
 * the life of a process: on clusters each time is a question to a directory server (nsswitch.conf(5)).
 */
export function account(): UserInfo<string> {
  known ??= userInfo();
  return known;
}
