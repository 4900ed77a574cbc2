import type { EventStore, JSONRPCMessage } from '@modelcontextprotocol/server';
import type { Limits } from './limits.ts';

type Sent = { id: number; stream: string; message: JSONRPCMessage; bytes: number };

/**
 * What was sent lately in one session, so that a client whose stream broke gets what it missed (2025-11-25, "Resumability"). What is
 * older than the limits is gone, and then its id is unknown.
 */
export function replayStore({ replayMessages, replayBytes }: Pick<Limits, 'replayMessages' | 'replayBytes'>): EventStore {
  const sent: Sent[] = [];
  let last = 0;
  let bytes = 0;
  const find = (id: string) => sent.find((one) => String(one.id) === id);
  return {
    storeEvent: async (stream, message) => {
      const one = { id: ++last, stream, message, bytes: Buffer.byteLength(JSON.stringify(message)) };
      sent.push(one);
      bytes += one.bytes;
      while (sent.length > replayMessages || bytes > replayBytes) bytes -= sent.shift()?.bytes ?? bytes;
      return String(one.id);
    },
    getStreamIdForEventId: async (id) => find(id)?.stream,
    replayEventsAfter: async (id, { send }) => {
      const after = find(id);
      if (after === undefined) throw new Error('this event is not kept any more');
      for (const one of [...sent]) if (one.stream === after.stream && one.id > after.id) await send(String(one.id), one.message);
      return after.stream;
    },
  };
}
