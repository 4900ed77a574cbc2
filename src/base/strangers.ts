const LOCAL = /^(?:localhost|127\.0\.0\.1|\[::1\])(?::\d{1,5})?$/i;
const LOCAL_ORIGIN = /^https?:\/\/(?:localhost|127\.0\.0\.1|\[::1\])(?::\d{1,5})?$/i;

/**
 * What makes a request one that a web page of somebody else's can send, in words; undefined for a request of this machine or through a
 * tunnel to it. Through a tunnel a server is on the loopback of a laptop: a page with another Origin, one that resolves its own name to
 * 127.0.0.1 (DNS rebinding; the Host is then its own), and what a browser says is cross-site.
 */
export function strangerIn(headers: {
  host?: string | undefined;
  origin?: string | undefined;
  site?: string | undefined;
}): string | undefined {
  if (!LOCAL.test(headers.host ?? '')) return 'foreign Host';
  if (headers.origin !== undefined && !LOCAL_ORIGIN.test(headers.origin)) return 'foreign Origin';
  if (headers.site !== undefined && headers.site !== 'same-origin' && headers.site !== 'none') return 'a request of another site';
  return undefined;
}
