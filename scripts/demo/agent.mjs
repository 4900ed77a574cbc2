import { Client } from '@modelcontextprotocol/client';
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio';
import { indent, say, title } from './say.mjs';

/** A real MCP client, connected to the server that the command line `words` starts in `cwd`. Whoever sits before it approves. */
export async function connectAgent([command, ...args], cwd) {
  const client = new Client(
    { name: 'demo-agent', version: '1.0.0' },
    { capabilities: { elicitation: { form: {} } }, versionNegotiation: { mode: 'auto' } },
  );
  client.setRequestHandler('elicitation/create', async (request) => {
    title('The researcher is asked, in the client');
    indent(request.params.message);
    say('   > approve        (the demo answers for the researcher)');
    return { action: 'accept', content: { answer: 'approve' } };
  });
  await client.connect(new StdioClientTransport({ command, args: [...args, 'serve'], cwd, stderr: 'inherit' }));
  say(`\n   Connected over MCP ${client.getNegotiatedProtocolVersion()}.`);
  return {
    call: async (name, input = {}) => {
      title(`The agent calls ${name} ${JSON.stringify(input)}`);
      const result = await client.callTool({ name, arguments: input }, { timeout: 120_000 });
      indent(result.content.map((part) => part.text ?? '').join('\n'));
      return result;
    },
    close: () => client.close(),
  };
}
