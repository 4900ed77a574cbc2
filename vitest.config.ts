import { defineConfig } from 'vitest/config';
import { withoutClusters } from './test/support/privileges.ts';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    exclude: withoutClusters() === undefined ? [] : ['test/clusters/{slurm,gridengine,ssh}*.test.ts'],
    globalSetup: 'test/global-setup.ts',
    testTimeout: 60_000,
    hookTimeout: 120_000,
    // Two cores: more workers than that only make process start-up times of the real programs unpredictable.
    maxWorkers: 2,
  },
});
