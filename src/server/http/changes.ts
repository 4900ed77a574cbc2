import type { McpServer, ServerNotifier } from '@modelcontextprotocol/server';
import type { Gate } from '../gate.ts';
import type { Tell } from '../notices.ts';
import { noticeChanges } from '../notices.ts';

/** Who is told of changes over HTTP. Nothing is looked at while nobody watches. */
export type Changes = {
  /** Somebody begins to watch; what is returned says once that they have ended. */
  watching(): () => void;
  /** What tells the session of this server object, as long as there is one. */
  hear(session: McpServer, tell: Tell): void;
  close(): void;
};

export function changesOf(gate: Gate, notify: () => ServerNotifier): Changes {
  const sessions = new Set<Tell>();
  let watchers = 0;
  let hush: (() => void) | undefined;
  const rest = (): void => {
    hush?.();
    hush = undefined;
  };
  const tellAll: Tell = (notice) => {
    for (const tell of sessions) tell(notice);
    if ('listed' in notice) notify().resourcesChanged();
    else notify().resourceUpdated(notice.updated);
  };
  return {
    watching: () => {
      watchers += 1;
      hush ??= noticeChanges(gate, tellAll);
      let isOver = false;
      return () => {
        if (isOver) return;
        isOver = true;
        watchers -= 1;
        if (watchers === 0) rest();
      };
    },
    hear: ({ server }, tell) => {
      sessions.add(tell);
      const before = server.onclose;
      server.onclose = () => {
        sessions.delete(tell);
        before?.();
      };
    },
    close: rest,
  };
}
