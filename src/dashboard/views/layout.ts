import type { Markup } from '../markup.ts';
import { html } from '../markup.ts';

/** What every page knows of the whole. `base`: the path that all addresses begin with. */
export type Frame = { base: string; repository: string; version: string; at: string };

const VIEWS = [
  ['/', 'Runs'],
  ['/approvals', 'Approvals'],
  ['/budget', 'Budget'],
  ['/policy', 'Policy'],
  ['/audit', 'Audit'],
] as const;
export type View = (typeof VIEWS)[number][0];

/** A whole page. It works without its script, which only fetches it anew when something has changed. */
export function page(frame: Frame, view: View | null, title: string, main: Markup): string {
  const { base, repository, version, at } = frame;
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${title} · ${repository}</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="${base}/page.css">
<script src="${base}/page.js" defer></script>
</head>
<body data-changes="${base}/changes">
<a class="skip" href="#main">To the content</a>
<header>
<p class="name">${repository}</p>
<nav aria-label="Views"><ul>${VIEWS.map(
    ([path, name]) => html`<li><a href="${base}${path}"${path === view ? html` aria-current="page"` : ''}>${name}</a></li>`,
  )}</ul></nav>
<p id="live" role="status"></p>
</header>
<main id="main" tabindex="-1">
<h1>${title}</h1>
${main}
</main>
<footer><p>autolab-mcp ${version}, from our own records as of <time datetime="${at}">${at}</time>. The scheduler is not asked by this page: monitor and watch do that.</p></footer>
</body>
</html>
`.text;
}

/** Something that did not work, with its words. */
export function trouble(words: string): Markup {
  return html`<div class="trouble" role="alert"><pre>${words}</pre></div>`;
}

/** A table of our own cells, which may be markup; the first names its row. */
export function tableOf(
  caption: string,
  columns: readonly string[],
  rows: readonly (readonly (Markup | string | number)[])[],
): Markup {
  return html`<div class="wide" role="region" tabindex="0" aria-label="${caption}"><table><caption>${caption}</caption>
<thead><tr>${columns.map((one) => html`<th scope="col">${one}</th>`)}</tr></thead>
<tbody>${rows.map(
    ([first, ...others]) => html`<tr><th scope="row">${first}</th>${others.map((cell) => html`<td>${cell}</td>`)}</tr>
`,
  )}</tbody></table></div>`;
}
