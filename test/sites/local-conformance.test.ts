import { conformance } from '../conformance/suite.ts';
import { localBench } from './local-bench.ts';

conformance('local', () => localBench());
