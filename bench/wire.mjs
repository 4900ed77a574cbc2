import { ended, start } from './processes.mjs';

const CLIENT = { name: 'bench', version: '1.0.0' };
const META = {
  _meta: {
    'io.modelcontextprotocol/protocolVersion': '2026-07-28',
    'io.modelcontextprotocol/clientInfo': CLIENT,
    'io.modelcontextprotocol/clientCapabilities': {},
  },
};

/** What a client says first, by protocol: the 2025 handshake, or the 2026 discovery with its envelope on every request. */
const OPENINGS = {
  2025: {
    method: 'initialize',
    params: { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: CLIENT },
    next: { jsonrpc: '2.0', method: 'notifications/initialized' },
    envelope: {},
  },
  2026: { method: 'server/discover', params: META, next: undefined, envelope: META },
};

/**
 * An MCP server over stdio and a client without any library, so that nothing but the server is measured. The first request is written
 * at once, as soon as there is a pipe. `opened` and `listed` are milliseconds from the spawn to the two first answers.
 */
export async function connect(argv, { protocol = 2025, ...options } = {}) {
  const opening = OPENINGS[protocol];
  const began = performance.now();
  const child = start(process.execPath, argv, { stdio: ['pipe', 'pipe', 'inherit'], ...options });
  const waiting = new Map();
  let rest = '';
  let number = 0;
  child.stdout.setEncoding('utf8').on('data', (more) => {
    const lines = (rest + more).split('\n');
    rest = lines.pop();
    for (const line of lines) {
      const message = JSON.parse(line);
      waiting.get(message.id)?.(message);
      waiting.delete(message.id);
    }
  });
  child.stdin.on('error', () => undefined); // The server is gone; whoever waits for an answer is told by its exit.
  const gone = new Promise((_, failed) => {
    child.once('error', failed);
    child.once('exit', (code, signal) => failed(new Error(`the server ended with ${code ?? signal}`)));
  });
  gone.catch(() => undefined);
  const request = async (method, params) => {
    const id = ++number;
    const answer = new Promise((done) => waiting.set(id, done));
    child.stdin.write(`${JSON.stringify({ jsonrpc: '2.0', id, method, params: { ...params, ...opening.envelope } })}\n`);
    const { result, error } = await Promise.race([answer, gone]);
    if (error) throw new Error(`${method}: ${JSON.stringify(error)}`);
    return result;
  };
  await request(opening.method, opening.params);
  const opened = performance.now() - began;
  if (opening.next) child.stdin.write(`${JSON.stringify(opening.next)}\n`);
  const { tools } = await request('tools/list', {});
  const listed = performance.now() - began;
  return {
    pid: child.pid,
    opened,
    listed,
    tools: tools.length,
    /** One tool call; fails where the tool did not answer well. */
    call: async (name, args = {}) => {
      const result = await request('tools/call', { name, arguments: args });
      if (result.isError) throw new Error(`${name}: ${result.content?.[0]?.text}`);
      return result.structuredContent;
    },
    close: async () => {
      child.stdin.end();
      await ended(child, 5000);
    },
  };
}
