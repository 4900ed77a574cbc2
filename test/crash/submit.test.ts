import { afterAll } from 'vitest';
import { forgetTemplate, makeTiny } from '../support/tiny.ts';
import { crashes } from './matrix.ts';
import { typing } from './operation.ts';
import { executions, listed, problems, submitted } from './typed.ts';

afterAll(forgetTemplate);

crashes({
  name: 'submit',
  prepare: async () => ({ tiny: await makeTiny() }),
  act: typing('submit'),
  finish: submitted,
  ended: async (tiny) => ({ executions: executions(tiny), runs: await listed(tiny), ...((await problems(tiny)) as object) }),
  few: 30,
});
