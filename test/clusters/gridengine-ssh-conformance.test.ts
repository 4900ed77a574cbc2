import { conformance } from '../conformance/suite.ts';
