import { Idiomorph } from 'idiomorph';

// The page is whole without this. When something has changed it is fetched anew and laid over what is there, so that focus, what is
// scrolled and what is open stay; a form that somebody has begun to fill in is left alone.

const live = document.getElementById('live');
const say = (text: string): void => {
  if (live) live.textContent = text;
};

document.addEventListener('input', ({ target }) => {
  if (target instanceof Element) target.closest('form')?.setAttribute('data-begun', '');
});

let isFetching = false;
let isStale = false;

async function refresh(): Promise<void> {
  if (isFetching) {
    isStale = true;
    return;
  }
  isFetching = true;
  try {
    const answer = await fetch(location.href, { headers: { accept: 'text/html' } });
    const fresh = new DOMParser().parseFromString(await answer.text(), 'text/html');
    for (const part of ['main', 'footer']) {
      const [old, now] = [document.querySelector(part), fresh.querySelector(part)];
      if (old && now)
        Idiomorph.morph(old, now, {
          ignoreActiveValue: true,
          callbacks: {
            beforeNodeMorphed: (node) => !(node instanceof HTMLFormElement && node.hasAttribute('data-begun')),
            beforeAttributeUpdated: (name) => name !== 'open',
          },
        });
    }
    say(`Updated at ${new Date().toLocaleTimeString()}`);
  } catch {
    say('The dashboard does not answer; what stands here may be old.');
  } finally {
    isFetching = false;
    if (isStale) {
      isStale = false;
      void refresh();
    }
  }
}

const address = document.body.dataset.changes;
let changes: EventSource | undefined;

function listen(): void {
  if (!address || changes) return;
  changes = new EventSource(address);
  let wasCut = false;
  changes.addEventListener('changed', () => void refresh());
  changes.addEventListener('open', () => {
    if (wasCut) void refresh();
    wasCut = false;
  });
  changes.addEventListener('error', () => {
    wasCut = true;
    say('The dashboard does not answer; what stands here may be old.');
  });
}

// A browser opens six connections to one place and no more (HTTP/1.1): a page that nobody sees must not keep one from those that are seen.
document.addEventListener('visibilitychange', () => {
  if (document.hidden) {
    changes?.close();
    changes = undefined;
  } else if (!changes) {
    listen();
    void refresh();
  }
});
if (!document.hidden) listen();
