import { afterAll } from 'vitest';
import { forgetTemplate } from '../support/tiny.ts';
import { makeListed } from './listed-run.ts';
import { crashes } from './matrix.ts';
import { typing } from './operation.ts';
import { executions, listed, submitted } from './typed.ts';

afterAll(forgetTemplate);

crashes({
  name: 'submit',
  prepare: async () => ({ tiny: await makeListed() }),
  act: typing('submit'),
  finish: submitted,
  ended: async (tiny) => ({ executions: executions(tiny), runs: await listed(tiny) }),
  few: 30,
});
