import type { Context as Request } from 'hono';
import type { Ask } from './asking.ts';
import type { Markup } from './markup.ts';
import { html } from './markup.ts';
import type { Frame, View } from './views/layout.ts';
import { trouble } from './views/layout.ts';

/** What every address of the dashboard needs. */
export type Pages = {
  /** The path that all addresses begin with: nobody else's pages on this host get the cookie. */
  base: string;
  ask: Ask;
  /** Whether a word given here counts: somebody at a terminal has opened the page. */
  granting: boolean;
  /** Changes whenever something was done to the repository. */
  pulse(): string;
  frame(): Frame;
  shown(c: Request, view: View | null, title: string, main: Markup, status?: 200 | 403 | 404 | 409): Response | Promise<Response>;
};

/** A page about what is not there. */
export function gone(words: string): Markup {
  return html`${trouble(words)}<p>It may have been deleted meanwhile. The board shows what is there.</p>`;
}

/** What was asked behind the address, of these words, without what is empty; each of at most 300 characters. */
export function given<K extends string>(c: Request, names: readonly K[]): { [name in K]?: string } {
  const found: { [name in K]?: string } = {};
  for (const name of names) {
    const value = c.req.query(name);
    if (value !== undefined && value !== '') found[name] = value.slice(0, 300);
  }
  return found;
}
