import { defineConfig } from 'vitest/config';
import { withoutSuite } from './test/support/conformance.ts';
import { withoutClusters } from './test/support/privileges.ts';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    exclude: [
      ...(withoutClusters() === undefined ? [] : ['test/clusters/{slurm,gridengine,ssh}*.test.ts']),
      ...(withoutSuite() === undefined ? [] : ['test/server/conformance/**']),
    ],
    globalSetup: 'test/global-setup.ts',
    testTimeout: 60_000,
    hookTimeout: 120_000,
    // Two cores: more workers than that only make process start-up times of the real programs unpredictable.
    maxWorkers: 2,
  },
});
