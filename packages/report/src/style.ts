/** A shadow at the right edge, and over it a cover that scrolls with the content and hides it at the end. */
const moreBeyond =
  "linear-gradient(to left,var(--surface) 40%,transparent) right/46px 100% no-repeat local,linear-gradient(to left,var(--shade),transparent) right/16px 100% no-repeat scroll";

/** The report's style sheet: light and dark, from 320 pixels on, and for paper. Colours of series after Okabe and Ito. */
export const style = `
:root{color-scheme:light dark;
--surface:#fff;--raised:#f5f7f9;--text:#16202b;--soft:#51606f;--rule:#d8dfe6;--link:#0b5cab;
--good:#1a7342;--look:#a14a00;--open:#51606f;--mark:#b3261e;--alarm:#fdecea;--shade:rgba(22,32,43,.3);
--series-1:#0a6ab6;--series-2:#c4570a;--series-3:#00805c;--series-4:#a9498a;--series-5:#8a6d00;--series-6:#3f7f9c}
@media (prefers-color-scheme:dark){:root{
--surface:#11161c;--raised:#1a2129;--text:#e4e9ee;--soft:#9fadba;--rule:#313b46;--link:#7fbcff;
--good:#5fd08f;--look:#ffab5e;--open:#9fadba;--mark:#ff8a80;--alarm:#3b1714;--shade:rgba(190,215,240,.38);
--series-1:#62b4f5;--series-2:#ff9f57;--series-3:#43cfa0;--series-4:#e58fc6;--series-5:#e6c84f;--series-6:#8fd3ee}}
*{box-sizing:border-box}
html{scroll-behavior:smooth;-webkit-text-size-adjust:100%}
@media (prefers-reduced-motion:reduce){html{scroll-behavior:auto}}
body{margin:0;background:var(--surface);color:var(--text);font:16px/1.5 system-ui,-apple-system,"Segoe UI",sans-serif;overflow-wrap:anywhere}
header,main{max-width:1180px;margin:0 auto;padding:0 24px}
header{padding-top:20px}
.kind{margin:0;color:var(--soft);font-size:.85rem;letter-spacing:.04em;text-transform:uppercase}
h1{margin:0;font-size:clamp(1.3rem,1rem + 1.6vw,1.9rem);line-height:1.2}
h2{margin:0 0 .6rem;font-size:1.3rem;line-height:1.25}
h3{margin:1.6rem 0 .5rem;font-size:1.05rem}
p{margin:.4rem 0}
a{color:var(--link)}
:focus-visible{outline:3px solid var(--link);outline-offset:2px}
.skip{position:absolute;left:-999px}.skip:focus{left:8px;top:8px;background:var(--surface);padding:8px}
.hidden{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%);white-space:nowrap}
nav{display:flex;flex-wrap:wrap;gap:2px 16px;margin:.5rem 0 0;padding-bottom:.6rem;border-bottom:1px solid var(--rule);font-size:.92rem}
nav a{text-decoration:none;padding:3px 0}nav a:hover{text-decoration:underline}
section{padding:1.6rem 0;border-bottom:1px solid var(--rule)}
section:last-of-type{border-bottom:0}
.lead{font-size:1.1rem}
.aside{color:var(--soft);font-size:.88rem;max-width:72ch}
.notice{border-left:4px solid var(--look);padding:.3rem .8rem;background:var(--raised)}
.answer{padding-top:1rem}
.alarm{background:var(--alarm);border:2px solid var(--mark);border-radius:10px;padding:8px 18px;margin:0 0 .8rem;font-size:1.05rem}
.alarm strong{color:var(--mark);font-size:1.2em}
.verdict{font-size:1.08rem;margin:0 0 .9rem}
.questions{display:grid;grid-template-columns:minmax(0,1fr) minmax(0,1fr) minmax(0,1.35fr);gap:16px}
.questions>:nth-child(3){grid-column:3;grid-row:1/span 2}
.questions>.chart{grid-column:1/3;margin:.2rem 0 0}
.question{background:var(--raised);border:1px solid var(--rule);border-radius:10px;padding:14px 18px}
.question h2{font-size:1.02rem;color:var(--soft);margin:0}
.question .number{margin:.1rem 0 .3rem;font-size:1.02rem}
.question .number strong{font-size:2.3rem;line-height:1.15;font-weight:680;letter-spacing:-.01em}
.question p{font-size:.95rem}
.question .aside{font-size:.84rem}
.checks{list-style:none;margin:.3rem 0;padding:0;font-size:.88rem;line-height:1.38}
.checks li{display:flex;gap:9px;margin:.32rem 0}
.sign{flex:none;width:1.25em;height:1.25em;border-radius:50%;display:grid;place-items:center;font-weight:700;font-size:.82em;border:1.5px solid currentColor;margin-top:.1em}
.good .sign{color:var(--good)}.look .sign{color:var(--look)}.open .sign{color:var(--open)}
.look b{color:var(--look)}
.why{color:var(--soft)}
figure{margin:1rem 0}
figcaption{color:var(--soft);font-size:.88rem;margin-top:.3rem;max-width:72ch}
.chart svg{display:block;max-width:100%;height:auto;font-size:12px;overflow:visible}
.chart .narrow{display:none}
.charts{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,440px),1fr));gap:8px 28px}
.key{display:inline-flex;align-items:center;gap:5px;margin-right:10px}
.key i{width:13px;height:13px;border-radius:3px;display:inline-block;flex:none}
.key i.outline{background:#2b2b2b;border:2.5px solid;box-shadow:0 0 0 1px var(--soft)}.keys{margin:.25rem 0}
i.missed{background:#ff5a36}i.added{background:#3d8bff}i.confused{background:#d24fd8}
.scroll{overflow-x:auto;margin:.8rem 0;max-width:100%}
.scroll{background:${moreBeyond}}
table{border-collapse:collapse;font-size:.9rem;font-variant-numeric:tabular-nums;min-width:min(100%,480px)}
.caption{color:var(--soft);font-size:.88rem;margin:1.1rem 0 0;max-width:72ch}.caption+.scroll{margin-top:.2rem}
th,td{padding:5px 14px 5px 0;border-bottom:1px solid var(--rule);text-align:right;vertical-align:top;white-space:nowrap;overflow-wrap:normal}
th:first-child{position:sticky;left:0;background:var(--surface);text-align:left;font-weight:550;white-space:normal;min-width:14ch;max-width:34ch;overflow-wrap:break-word}
thead th{color:var(--soft);font-weight:550;vertical-align:bottom;white-space:normal;max-width:18ch;overflow-wrap:break-word}
.files th:first-child{max-width:72ch}
code{font-family:ui-monospace,Menlo,Consolas,monospace;font-size:.86em}
td code{overflow-wrap:normal}
details{margin:.5rem 0;border:1px solid var(--rule);border-radius:8px;padding:0 14px}
summary{cursor:pointer;padding:9px 0;font-weight:550}
dl{margin:0 0 .8rem;max-width:78ch}dt{font-weight:600;margin-top:.8rem}dt::first-letter{text-transform:uppercase}dd{margin:0}
.shown{margin:1.2rem 0 2rem}
.where{color:var(--soft);font-size:.9rem;margin:.6rem 0 .3rem}
.panels{display:grid;grid-template-columns:repeat(3,1fr);gap:10px}
.panel{margin:0}.panel figcaption{margin:0 0 .2rem}
.picture{display:block;width:100%;max-height:70vh;background:#000;border-radius:6px}
.picture text{fill:#fff;stroke:#000;stroke-width:.12em;paint-order:stroke;font-family:inherit}
.picture .edge{font-family:ui-monospace,Menlo,Consolas,"DejaVu Sans Mono",monospace}
.picture .bar{stroke:#fff;stroke-width:2;fill:none}
.picture .missed{fill:#ff5a36;fill-opacity:.8}.picture .added{fill:#3d8bff;fill-opacity:.8}.picture .confused{fill:#d24fd8;fill-opacity:.8}
.networks{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,520px),1fr));gap:0 24px}.network{min-width:0}
.network svg{display:block;background:#fff;border-radius:6px;max-width:none;height:auto;min-width:520px;width:100%}
@media (max-width:960px){.questions{grid-template-columns:1fr 1fr}.questions>:nth-child(3),.questions>.chart{grid-column:1/-1;grid-row:auto}}
@media (max-width:640px){header,main{padding:0 14px}header{padding-top:14px}
nav{flex-wrap:nowrap;overflow-x:auto;white-space:nowrap;background:${moreBeyond};margin-right:-14px;padding-right:14px}
.network figcaption::after{content:" (scroll sideways)"}
.questions{grid-template-columns:minmax(0,1fr);gap:10px}.questions>*{grid-column:1!important}.question{padding:11px 14px}.question .number strong{font-size:1.9rem}
.chart .wide{display:none}.chart .narrow{display:block}
.panels{grid-template-columns:minmax(0,1fr);gap:12px}section{padding:1.2rem 0}
.scroll{margin-right:-14px;max-width:none;padding-right:14px}table{font-size:.86rem}th,td{padding-right:12px}th:first-child{min-width:9ch;max-width:20ch;padding-right:10px;box-shadow:1px 0 0 var(--rule)}}
@media print{
:root{--surface:#fff;--raised:#fff;--text:#000;--soft:#333;--rule:#bbb;--link:#000;--good:#0b5d31;--look:#8a3f00;--open:#333;--mark:#b3261e;
--series-1:#0a6ab6;--series-2:#c4570a;--series-3:#00805c;--series-4:#a9498a;--series-5:#8a6d00;--series-6:#3f7f9c}
body{font-size:10.5pt}header,main{max-width:none;padding:0}nav,.skip{display:none}
.chart .wide{display:block}.chart .narrow{display:none}
.scroll{overflow:visible}.scroll,nav{background:none}th:first-child{position:static;box-shadow:none}table{font-size:8.5pt;min-width:0}th,td{white-space:normal;padding-right:8px}
.question,figure,.slice,tr,details{break-inside:avoid}details{border:0;padding:0}details::details-content{content-visibility:visible;block-size:auto}
h2,h3{break-after:avoid}.picture,.sign,.key i{print-color-adjust:exact;-webkit-print-color-adjust:exact}
.picture{max-height:6.5cm}.network svg{min-width:0}}
`;
