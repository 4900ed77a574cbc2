import { defineConfig } from 'vitest/config';
import { withoutBrowser } from './test/support/browser.ts';
import { withoutSuite } from './test/support/conformance.ts';
import { withoutClusters } from './test/support/privileges.ts';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    exclude: [
      ...(withoutClusters() === undefined ? [] : ['test/clusters/{slurm,gridengine,ssh}*.test.ts']),
      ...(withoutBrowser() === undefined ? [] : ['test/browser/**']),
      ...(withoutSuite() === undefined ? [] : ['test/server/conformance/**']),
    ],
    globalSetup: 'test/global-setup.ts',
    // Only so that nothing hangs for ever: what a test waits for has limits of its own, whose words say what did not come.
    testTimeout: 180_000,
    hookTimeout: 180_000,
    // One more than the two cores of the machines that run this: with two, a third of the processor is idle while tests wait for real daemons.
    maxWorkers: 3,
  },
});
