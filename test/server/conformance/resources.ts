import type { McpServer } from '@modelcontextprotocol/server';
import { completable, ResourceTemplate } from '@modelcontextprotocol/server';
import * as z from 'zod';
import { PNG } from './tools.ts';

/** The resources and prompts that the suite reads by name. */
export function addResources(server: McpServer): void {
  const fixed = (uri: string, mimeType: string, body: { text: string } | { blob: string }) =>
    server.registerResource(uri.slice(7), uri, { description: `A fixture of the suite: ${uri}`, mimeType }, () => ({
      contents: [{ uri, mimeType, ...body }],
    }));
  fixed('test://static-text', 'text/plain', { text: 'This is the content of the static text resource.' });
  fixed('test://static-binary', 'image/png', { blob: PNG });
  fixed('test://watched-resource', 'text/plain', { text: 'watched' });
  server.registerResource(
    'template',
    new ResourceTemplate('test://template/{id}/data', { list: undefined }),
    { description: 'A fixture of the suite', mimeType: 'application/json' },
    ({ href }, { id }) => {
      const text = JSON.stringify({ id, templateTest: true, data: `Data for ID: ${id}` });
      return { contents: [{ uri: href, mimeType: 'application/json', text }] };
    },
  );
}

export function addPrompts(server: McpServer): void {
  const say = (words: string) => ({ role: 'user' as const, content: { type: 'text' as const, text: words } });
  server.registerPrompt('test_simple_prompt', { description: 'A fixture of the suite' }, () => ({
    messages: [say('This is a simple prompt for testing.')],
  }));
  const argument = (starts: string[]) => completable(z.string(), (begun) => starts.filter((one) => one.startsWith(begun)));
  server.registerPrompt(
    'test_prompt_with_arguments',
    {
      description: 'A fixture of the suite',
      argsSchema: z.object({ arg1: argument(['paris', 'park', 'party']), arg2: z.string() }),
    },
    ({ arg1, arg2 }) => ({ messages: [say(`Prompt with arguments: arg1='${arg1}', arg2='${arg2}'`)] }),
  );
  server.registerPrompt(
    'test_prompt_with_embedded_resource',
    { description: 'A fixture of the suite', argsSchema: z.object({ resourceUri: z.string() }) },
    ({ resourceUri }) => {
      const resource = { uri: resourceUri, mimeType: 'text/plain', text: 'Embedded resource content for testing.' };
      return {
        messages: [{ role: 'user', content: { type: 'resource', resource } }, say('Please process the embedded resource above.')],
      };
    },
  );
  server.registerPrompt('test_prompt_with_image', { description: 'A fixture of the suite' }, () => ({
    messages: [
      { role: 'user', content: { type: 'image', data: PNG, mimeType: 'image/png' } },
      say('Please analyze the image above.'),
    ],
  }));
}
