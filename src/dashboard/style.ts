import { STYLE } from '../tools/report/style.ts';

/** The report's own looks, and what a page has that a report has not. */
export const PAGE_STYLE = `${STYLE}
main{max-width:84rem}
a{color:var(--mark)}
a:focus-visible,button:focus-visible,input:focus-visible,select:focus-visible,pre:focus-visible,main:focus-visible{outline:2px solid var(--mark);outline-offset:2px}
.skip{position:absolute;left:-100vw;padding:.5rem;background:var(--page)}
.skip:focus{left:.5rem;top:.5rem;z-index:1}
header{display:flex;flex-wrap:wrap;gap:.25rem 1.5rem;align-items:baseline;padding:.5rem 1rem;background:var(--band);border-bottom:1px solid var(--line)}
header p,header ul{margin:0}
header .name{font-weight:700}
nav ul{display:flex;flex-wrap:wrap;gap:.25rem 1rem;list-style:none;padding:0}
nav a{display:inline-block;padding:.15rem 0}
nav a[aria-current]{font-weight:700;color:var(--ink);text-decoration-thickness:2px}
#live{color:var(--soft);margin-left:auto}
footer{padding:1rem;color:var(--soft);border-top:1px solid var(--line)}
.state,time{white-space:nowrap}
.lead{font-size:1.1rem;max-width:none}
.needs{border:1px solid var(--line);border-left:4px solid var(--warn);padding:0 1rem .5rem;margin:1rem 0}
.needs h2,.answer h2{border:0;margin-top:.5rem}
.answer{border:2px solid var(--mark);padding:0 1rem .5rem;margin:1rem 0}
.trouble{border-left:4px solid var(--bad);background:var(--band);padding:.5rem 1rem;margin:.5rem 0}
pre{white-space:pre-wrap;overflow-wrap:anywhere;margin:.5rem 0;font:.8125rem/1.45 ui-monospace,monospace}
pre.log{background:var(--band);border:1px solid var(--line);padding:.5rem;max-height:36rem;overflow:auto}
.filter{display:flex;flex-wrap:wrap;gap:.5rem 1rem;align-items:end;margin:.5rem 0 1rem}
label{display:inline-flex;flex-direction:column;font-size:.875rem;color:var(--soft)}
label.check{flex-direction:row;align-items:center;gap:.35rem;min-height:2.2rem}
input,select,button{font:inherit;color:var(--ink);background:var(--page);border:1px solid var(--idle);border-radius:.25rem;padding:.3rem .5rem;max-width:100%}
button{background:var(--band);border-color:var(--mark);cursor:pointer;min-height:2.2rem}
.state{white-space:nowrap;font-weight:600}
.state.completed,.state.synced{color:var(--good)}
.state.failed{color:var(--bad)}
.state.partial{color:var(--warn)}
.state.running{color:var(--mark)}
ol.tasks{display:flex;flex-wrap:wrap;gap:3px;list-style:none;padding:0;margin:.5rem 0 1rem}
ol.tasks a{display:block;min-width:2.1rem;padding:.1rem .15rem;text-align:center;font:.72rem/1.5 ui-monospace,monospace;text-decoration:none;border:2px solid var(--idle);border-radius:3px;color:var(--ink);background:var(--page)}
ol.tasks a.succeeded{border-color:var(--good)}
ol.tasks a.continued{border-color:var(--good);border-style:dashed}
ol.tasks a.failed,ol.tasks a.interrupted{border-color:var(--bad);background:var(--bad);color:var(--page);font-weight:700;text-decoration:underline}
ol.tasks a.interrupted{border-style:dashed}
ol.tasks a.running{border-color:var(--mark);border-style:double}
ol.tasks a.unknown{border-color:var(--warn);border-style:dotted}
ul.named{columns:22rem;padding-left:1.25rem}
@media (max-width:30rem){header{padding:.5rem .75rem}#live{margin-left:0}}
@media (prefers-reduced-motion:no-preference){html{scroll-behavior:smooth}}
@media print{header nav,.filter,.answer,footer{display:none}}
`;
