import * as z from 'zod';
import { listPresets } from '../policies/presets.ts';
import { defineTool } from './tool.ts';

const output = z.object({ presets: z.array(z.object({ name: z.string(), summary: z.string(), recommended_mode: z.string() })) });

export default defineTool({
  name: 'list_presets',
  command: ['policy', 'list'],
  title: 'List the packaged policies',
  description: 'The packaged policies, each with what it is for.',
  audience: 'person',
  effect: 'read',
  anywhere: true,
  input: z.strictObject({}),
  output,
  facts: async () => ({ acts: ['read'], subject: { list: 'presets' }, summary: 'list presets' }),
  handle: async (_input, acts) => ({ presets: listPresets(acts.presets) }),
  text: (out) => ['available presets:', ...out.presets.map((one) => `  ${one.name} - ${one.summary}`)].join('\n'),
});
