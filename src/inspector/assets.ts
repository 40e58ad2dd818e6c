export const script = `'use strict';
const table = document.querySelector('[data-events]');
const live = document.getElementById('live');
if (table && 'EventSource' in window) {
  const rows = document.getElementById('runs');
  const most = Number(/\\d+/.exec(live.textContent)?.[0] ?? 200);
  const events = new EventSource(table.dataset.events);
  const said = live.textContent;
  events.addEventListener('open', () => { live.textContent = said + ' New ones appear by themselves.'; });
  events.addEventListener('error', () => { live.textContent = said + ' Not connected.'; });
  events.addEventListener('run', ({ data }) => {
    const template = document.createElement('template');
    template.innerHTML = data;
    const row = template.content.firstElementChild;
    const known = document.getElementById(row.id);
    if (known) known.replaceWith(row);
    else rows.prepend(row);
    while (rows.children.length > most) rows.lastElementChild.remove();
    document.querySelector('.empty')?.remove();
  });
}
`;

export const style = `:root {
  color-scheme: light dark;
  --ink: light-dark(#17232e, #e8eef3);
  --soft: light-dark(#4f6272, #a3b4c2);
  --line: light-dark(#dde5ec, #2c3a46);
  --ground: light-dark(#f3f6f9, #10181f);
  --sheet: light-dark(#ffffff, #18232c);
  --link: light-dark(#0b5cad, #7db8ff);
  --good: light-dark(#14764f, #4fc38d);
  --fair: light-dark(#8f5d00, #e5b04a);
  --bad: light-dark(#b3261e, #ff8a80);
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--ground); color: var(--ink); font: 15px/1.5 system-ui, sans-serif; }
a { color: var(--link); }
header { display: flex; flex-wrap: wrap; gap: .5rem 2rem; padding: .75rem clamp(1rem, 4vw, 3rem); border-bottom: 1px solid var(--line); background: var(--sheet); }
.home { font-weight: 700; color: var(--ink); text-decoration: none; }
nav { display: flex; gap: 1.25rem; }
main { padding: 1rem clamp(1rem, 4vw, 3rem) 3rem; max-width: 100rem; margin: 0 auto; }
h1 { font-size: 1.5rem; margin: .5rem 0; overflow-wrap: anywhere; }
h2 { font-size: 1.05rem; margin: 0 0 .5rem; }
section { background: var(--sheet); border: 1px solid var(--line); border-radius: 12px; padding: 1rem; margin: 1rem 0; }
.note, small { color: var(--soft); }
small { font-size: .85em; }
.hidden { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
table { border-collapse: collapse; width: 100%; }
.runs { background: var(--sheet); border: 1px solid var(--line); border-radius: 12px; }
th, td { text-align: left; padding: .45rem .75rem; border-bottom: 1px solid var(--line); vertical-align: top; font-weight: 400; overflow-wrap: anywhere; }
time { white-space: nowrap; }
thead th { color: var(--soft); font-size: .85rem; }
tbody th { font-weight: 600; }
.number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
.scrolls { overflow-x: auto; }
.fate, .status { font-weight: 600; }
.shown, .success { color: var(--good); }
.incomplete, .partial, .fallback, .left, .skipped, .pending { color: var(--fair); }
.failed, .error { color: var(--bad); }
.sums { display: flex; flex-wrap: wrap; gap: .5rem 2.5rem; margin: .25rem 0 0; color: var(--soft); }
.sums strong { display: block; font-size: 1.5rem; line-height: 1.2; }
.sums strong:not(.fate) { color: var(--ink); }
.advice { margin: 0 0 .5rem; padding-left: 1.5rem; }
.call { display: grid; grid-template-columns: minmax(9rem, 15rem) 5rem 1fr; gap: 0 1rem; align-items: center; padding: .3rem 0; border-top: 1px solid var(--line); }
.call.scale { border: 0; color: var(--soft); font-size: .85rem; }
.call.critical strong { text-decoration: underline; text-decoration-thickness: 2px; text-underline-offset: 3px; }
.mark { color: var(--soft); font-size: .8rem; }
.why { grid-column: 1 / -1; font-size: .9rem; }
.why p { margin: .25rem 0; overflow-wrap: anywhere; }
summary { cursor: pointer; color: var(--soft); }
svg.bars, svg.axis { display: block; width: 100%; overflow: visible; }
svg text { fill: var(--soft); font-size: 11px; }
rect.waited { fill: var(--line); }
rect.wait { fill: currentColor; opacity: .55; }
rect.body, rect.whole { fill: currentColor; }
rect.skipped, rect.pending { opacity: .4; }
line { stroke-width: 1; }
line.tick { stroke: var(--line); }
line.shown { stroke: var(--ink); stroke-width: 1.5; }
line.timeout { stroke: var(--fair); stroke-dasharray: 3 3; }
line.deadline { stroke: var(--bad); stroke-dasharray: 6 3; }
.legend { display: flex; flex-wrap: wrap; gap: .25rem .6rem; align-items: center; color: var(--soft); font-size: .85rem; margin: .75rem 0 0; }
.key { width: 18px; height: 10px; border-radius: 2px; margin-left: .75rem; }
.key.waited { background: var(--line); }
.key.wait { background: var(--good); opacity: .55; }
.key.body { background: var(--good); }
.key.shown, .key.timeout, .key.deadline { height: 0; border-radius: 0; border-top: 2px solid var(--ink); }
.key.timeout { border-top: 2px dashed var(--fair); }
.key.deadline { border-top: 2px dashed var(--bad); }
.graph { display: block; max-width: none; }
.graph rect { fill: var(--ground); stroke: var(--soft); }
.graph .deferred rect { stroke-dasharray: 5 3; }
.graph .name { fill: var(--ink); font-size: 13px; font-weight: 600; }
.graph .arrow { fill: none; stroke: var(--soft); }
.graph .head { fill: var(--soft); }
form { display: flex; flex-wrap: wrap; gap: .5rem 1.5rem; align-items: end; }
label span { display: block; color: var(--soft); font-size: .85rem; }
select, button { font: inherit; padding: .25rem .5rem; }
.sick { color: var(--bad); }
pre { overflow: auto; padding: .75rem; background: var(--ground); border-radius: 8px; }
dl { display: flex; flex-wrap: wrap; gap: .5rem 2rem; margin: 0; }
dt { color: var(--soft); font-size: .85rem; }
dd { margin: 0; font-variant-numeric: tabular-nums; }
:focus-visible { outline: 2px solid var(--link); outline-offset: 2px; }
@media (max-width: 50rem) {
  .runs thead { display: none; }
  .runs tr { display: block; padding: .5rem 0; border-bottom: 1px solid var(--line); }
  .runs th, .runs td { display: block; border: 0; padding: .1rem .75rem; text-align: left; }
  .call { grid-template-columns: 1fr auto; }
  .call > :nth-child(3) { grid-column: 1 / -1; }
}
`;
