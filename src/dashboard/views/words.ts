import type { Markup } from '../markup.ts';
import { html } from '../markup.ts';

/** Marks beside the words, so that nothing is told by its colour alone. */
const MARKS: Readonly<Record<string, string>> = {
  pending: '○',
  submitted: '◔',
  running: '◑',
  synced: '◕',
  completed: '●',
  failed: '✕',
  partial: '◭',
};

export function stateOf(state: string): Markup {
  return html`<span class="state ${state}"><span aria-hidden="true">${MARKS[state] ?? '?'}</span> ${state}</span>`;
}

/** In the two largest units. */
export function age(seconds: number | null): string {
  if (seconds === null) return 'unknown';
  const [d, h, m] = [Math.floor(seconds / 86_400), Math.floor(seconds / 3600) % 24, Math.floor(seconds / 60) % 60];
  if (d > 0) return `${d} d ${h} h`;
  if (h > 0) return `${h} h ${m} min`;
  return m > 0 ? `${m} min` : `${seconds} s`;
}

/** An address of ours with what it is asked. */
export function address(path: string, asked: Record<string, string | number | undefined>): string {
  const query = new URLSearchParams();
  for (const [key, value] of Object.entries(asked)) if (value !== undefined && value !== '') query.set(key, String(value));
  const text = query.toString();
  return text === '' ? path : `${path}?${text}`;
}
