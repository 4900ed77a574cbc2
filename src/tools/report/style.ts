/** How a report looks: light and dark, narrow and wide, on paper. Marks differ in shape and not only in colour. */
export const STYLE = `
:root{color-scheme:light dark;--ink:#1c2024;--soft:#596068;--line:#cfd4d9;--page:#fff;--band:#f4f6f8;--mark:#0b62a8;--good:#1c7a4a;--bad:#b3261e;--warn:#8a5a00;--idle:#7a828a}
@media (prefers-color-scheme:dark){:root{--ink:#e6e8ea;--soft:#a9b0b7;--line:#3d444b;--page:#15181b;--band:#1e2327;--mark:#6db6f2;--good:#5fc48e;--bad:#ff8f86;--warn:#e3b25a;--idle:#8c949b}}
*{box-sizing:border-box}
body{margin:0;background:var(--page);color:var(--ink);font:1rem/1.5 system-ui,sans-serif}
main{max-width:76rem;margin:0 auto;padding:1rem 1rem 3rem}
h1{font-size:1.7rem;line-height:1.25;margin:.5rem 0}
h2{font-size:1.3rem;margin:2rem 0 .5rem;padding-top:.5rem;border-top:1px solid var(--line)}
h3{font-size:1.1rem;margin:1.5rem 0 .4rem}
h4{font-size:1rem;margin:1.2rem 0 .3rem}
h1,h2,h3,h4,p,li,th,td,figcaption,caption{overflow-wrap:anywhere}
p,.prose{max-width:46rem}
.prose{border-left:3px solid var(--line);padding-left:1rem}
.lines{white-space:pre-line}
.table{font:.8125rem/1.5 ui-monospace,monospace}
.wide{overflow-x:auto;margin:.5rem 0 1rem}
.wide:focus-visible{outline:2px solid var(--mark);outline-offset:2px}
table{border-collapse:collapse;font-size:.875rem;min-width:40rem;width:100%}
table.facts{min-width:0;width:auto}
caption{text-align:left;color:var(--soft);padding:.25rem 0;position:sticky;left:0;max-width:calc(100vw - 2rem)}
th,td{text-align:left;vertical-align:top;padding:.3rem .6rem;border-bottom:1px solid var(--line)}
table.facts th{white-space:nowrap}
thead th{background:var(--band)}
tbody th{font-weight:600}
td,th{min-width:6.5rem}
td code,th code,.t{white-space:nowrap}
.w{min-width:18rem}
.n{text-align:right;font-variant-numeric:tabular-nums}
code{font:.9em ui-monospace,monospace}
figure{margin:1rem 0}
figcaption{color:var(--soft);font-size:.875rem}
svg{display:block;width:100%;min-width:32rem;max-width:48rem;height:auto}
svg text{font:12px system-ui,sans-serif;fill:var(--ink)}
svg .s{fill:var(--soft)}
svg .e{text-anchor:end}
svg .m{text-anchor:middle}
svg .l{stroke:var(--line);fill:none}
svg .k{stroke:var(--ink);fill:none;stroke-width:2}
svg .b{fill:var(--mark);fill-opacity:.18}
svg .d{fill:var(--mark);fill-opacity:.75}
svg .o{fill:none;stroke:var(--idle);stroke-width:2}
svg .over{fill:var(--bad)}
svg .succeeded,svg .continued{fill:var(--good)}
svg .failed,svg .interrupted{fill:var(--bad)}
svg .running{fill:var(--mark)}
svg .unknown{fill:var(--warn)}
svg .waiting{fill:var(--idle)}
@media (max-width:30rem){main{padding:.5rem .75rem 2rem}h1{font-size:1.4rem}}
@media print{:root{color-scheme:light;--ink:#000;--soft:#444;--line:#bbb;--page:#fff;--band:#f2f2f2;--mark:#0b62a8;--good:#1c7a4a;--bad:#b3261e;--warn:#8a5a00;--idle:#666}main{max-width:none;padding:0}.wide{overflow:visible}table{min-width:0;font-size:.7rem}td,th,.w{min-width:0;padding:.2rem .3rem}td code,th code,.t{white-space:normal}caption{position:static;max-width:none}svg{min-width:0}tr,figure{break-inside:avoid}h2,h3,h4,caption{break-after:avoid}}
`.trim();
