import { expect, test } from 'vitest';
import type { Ask, Choice, Found } from '../../src/cli/questions.ts';
import { chooseBeginning, proposals } from '../../src/cli/questions.ts';

const LOCAL = { name: 'local', scheduler: 'local', host: null, what: 'the embedded runner' };
const SLURM = { name: 'slurm', scheduler: 'slurm', host: null, what: 'Slurm' };
const LAB = { name: 'lab', scheduler: null, host: 'lab', what: 'a host' };
const PRESETS = ['gridengine', 'local_dev', 'slurm'].map((name) => ({ name, summary: `about ${name}` }));
const found = (more: { sites?: Partial<Found['sites']>; preset?: Partial<Found['preset']>; sealed?: boolean } = {}): Found => ({
  repository: '/repo',
  sealed: more.sealed ?? false,
  sites: { file: null, choices: [SLURM, LAB, LOCAL], proposal: 'slurm', ...more.sites },
  preset: { policy: 'new', choices: PRESETS, proposal: 'slurm', ...more.preset },
});

/** Answers in turn, as a terminal gives them; fails where more is asked than is answered. */
async function asked(what: Found, given: Choice, ...answers: string[]): Promise<{ chosen: Choice; questions: string[] }> {
  const questions: string[] = [];
  const ask: Ask = async (question, _flag, proposal) => {
    questions.push(question);
    const typed = answers.shift();
    if (typed === undefined) throw new Error(`nobody answers: ${question}`);
    return typed === '' ? (proposal ?? '') : typed;
  };
  const chosen = await chooseBeginning(what, given, ask);
  expect(answers).toEqual([]);
  return { chosen, questions };
}

test.each<[string, Found, Choice, string[], Choice]>([
  ['Enter takes what is proposed', found(), {}, ['', ''], { site: 'slurm', preset: 'slurm' }],
  ['a number is a name', found(), {}, ['3', '1'], { site: 'local', preset: 'local_dev' }],
  [
    'what a site over ssh is like is asked, and its preset follows',
    found(),
    {},
    ['lab', 'gridengine', '/p', ''],
    { site: 'lab', scheduler: 'gridengine', root: '/p', preset: 'gridengine' },
  ],
  [
    'what has no proposal is asked until it is answered',
    found(),
    { preset: 'slurm' },
    ['labb', 'lab', '', '2', '', 'p', '/p/', 'shared'],
    { site: 'lab', scheduler: 'gridengine', root: 'shared', preset: 'slurm' },
  ],
  [
    'flags are not asked',
    found(),
    { site: 'lab', scheduler: 'slurm', root: '/p', preset: 'slurm' },
    [],
    { site: 'lab', scheduler: 'slurm', root: '/p', preset: 'slurm' },
  ],
  [
    'the only place there is is not asked',
    found({ sites: { choices: [LOCAL], proposal: 'local' } }),
    {},
    [''],
    { site: 'local', preset: 'local_dev' },
  ],
  [
    'sites that stand in a file are not asked',
    found({ sites: { file: '.autolab/sites.yaml' } }),
    { site: 'lab' },
    [''],
    { site: 'lab', preset: 'slurm' },
  ],
  [
    'nor is where a remote profile says it',
    found({ sites: { file: '.autolab/remote_profiles.yaml' } }),
    {},
    [''],
    { preset: 'slurm' },
  ],
  ['nor a preset that is named', found({ preset: { policy: 'set' } }), {}, [''], { site: 'slurm' }],
  ['a policy of one’s own is kept by Enter', found({ preset: { policy: 'own' } }), {}, ['', ''], { site: 'slurm' }],
  ['or gets a preset by name', found({ preset: { policy: 'own' } }), {}, ['', 'slurm'], { site: 'slurm', preset: 'slurm' }],
  ['nothing is asked under a seal', found({ sealed: true }), {}, [], {}],
])('%s', async (_what, here, given, answers, chosen) => expect((await asked(here, given, ...answers)).chosen).toEqual(chosen));

test('a question shows what there is, each with a line of what it means; a mistake says what was near', async () => {
  const { questions } = await asked(found(), {}, 'slrm', 'slurm', '');
  expect(questions).toEqual([
    'Where are runs to go? Found here:\n  1  slurm  Slurm\n  2  lab    a host\n  3  local  the embedded runner\nNumber or name',
    '"slrm" is none; did you mean slurm? Once more',
    expect.stringMatching(/\n {2}1 {2}slurm +about slurm\n/),
  ]);
  const hosts = Array.from({ length: 40 }, (_, at) => ({ ...LAB, name: `host${at}` }));
  const many = await asked(found({ sites: { choices: [...hosts, LOCAL], proposal: 'local' } }), {}, '41', '');
  expect(many.chosen.site).toBe('local');
  expect(many.questions[0]).toMatch(/ {2}41 {2}local .*\n {2}and 28 more hosts/);
});

test('nobody is asked with --yes, and what cannot be known is missing by its flag', async () => {
  expect(await chooseBeginning(found(), {}, proposals)).toEqual({ site: 'slurm', preset: 'slurm' });
  await expect(chooseBeginning(found(), { site: 'lab', scheduler: 'slurm' }, proposals)).rejects.toMatchObject({
    code: 'usage',
    what: '--root is missing',
  });
});
