/** Why the official conformance suite cannot run here; undefined where it can. */
export function withoutSuite(): string | undefined {
  const [major = '0'] = process.versions.node.split('.');
  return Number(major) < 22 ? `the suite needs Node 22 or later, and this is ${process.version}` : undefined;
}
