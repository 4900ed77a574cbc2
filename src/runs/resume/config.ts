import { asFailure, Failure } from '../../base/errors.ts';
import { readJsonText } from '../autolab/json.ts';
import { readYaml } from '../autolab/yaml.ts';

/** The value of a configuration: JSON by its name, else YAML as PyYAML reads it. `of` says which of several, in a refusal. */
export function readConfig(text: string, file: string, of?: string): unknown {
  try {
    return file.endsWith('.json') ? readJsonText(text, file).value : readYaml(text, file, 'foreign').value;
  } catch (error) {
    const { what, next } = asFailure(error);
    throw new Failure('resume_refused', {
      what: `${what}${of === undefined ? '' : ` (${of})`}`,
      why: 'a configuration that cannot be read cannot be compared with what was accepted',
      next,
    });
  }
}
