import type { Recorded } from './page.mjs';

export declare function readResults(file: string | undefined): Recorded;
