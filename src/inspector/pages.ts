import { html } from '../html/html.js';
import type { Html, HtmlValue } from '../html/values.js';
import type { MashupStats } from '../page-types.js';
import { curlOf, fixtureOf } from './copies.js';
import { drawing } from './graph.js';
import type { AttemptRecord, CallRecord, RunRecord } from './record.js';
import { axis, bars, scaleOf } from './waterfall.js';
import { type Switches, wayNames } from './what-if.js';
import { explanationOf, fateOf, ms, sourceOf, titleOf } from './words.js';

/** @param base where the inspector is mounted */
function layout(base: string, title: string, body: HtmlValue): Html {
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${title}</title>
<link rel="icon" href="data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==">
<link rel="stylesheet" href="${base}/inspector.css">
<script src="${base}/inspector.js" defer></script>
</head>
<body>
<header><a href="${base}/" class="home">express-mashup</a> <nav aria-label="Inspector"><a href="${base}/">Runs</a> <a href="${base}/health">Health</a> <a href="${base}/runs.har" download>HAR</a></nav></header>
<main>${body}</main>
</body>
</html>`;
}

/** @param switches what this browser has made sick; null where it cannot */
export function listPage(base: string, runs: readonly RunRecord[], most: number, switches: Switches | null): Html {
  const empty = html`<p class="empty">No page has run yet. Open one, and it appears here.</p>`;
  return layout(
    base,
    'Runs · express-mashup',
    html`<h1>Runs</h1>
<p class="note" id="live" role="status">The last ${most} runs of this process.</p>
${switches !== null && switches.size > 0 ? html`<p class="sick">Made sick for this browser: ${inWords(switches)}.</p>` : ''}
${runs.length === 0 ? empty : ''}
<table class="runs" data-events="${base}/events"><caption class="hidden">Runs, the latest first</caption>
<thead><tr><th scope="col">Page</th><th scope="col">Became</th><th scope="col" class="number">Waited</th><th scope="col">Held up by</th><th scope="col">Would help</th><th scope="col">At</th></tr></thead>
<tbody id="runs">${runs.map((run) => rowOf(base, run))}</tbody></table>`,
  );
}

/** A row of the list: sent to open lists, too. */
export function rowOf(base: string, run: RunRecord): Html {
  const { criticalPath, advice } = explanationOf(run);
  const fate = fateOf(run);
  const sick = [...run.calls.values()]
    .filter(({ error }) => error !== null)
    .map(({ name, error }) => `${name} ${error?.code}`);
  return html`<tr id="run-${run.id}"><th scope="row"><a href="${base}/runs/${run.id}">${titleOf(run)}</a></th>
<td><span class="fate ${fate}">${fate}</span>${sick.length === 0 ? '' : html` <small>${sick.slice(0, 3).join(', ')}${sick.length > 3 ? ` and ${sick.length - 3} more` : ''}</small>`}</td>
<td class="number">${ms(run.total)}</td><td>${criticalPath.join(' → ')}</td>
<td>${advice[0] === undefined ? '' : html`${advice[0].do} <small>saves ${ms(advice[0].saves)}</small>`}</td>
<td><time datetime="${new Date(run.at).toISOString()}">${new Date(run.at).toISOString().slice(11, 19)}</time></td></tr>`;
}

export function runPage(base: string, run: RunRecord, switches: Switches | null): Html {
  const explanation = explanationOf(run);
  const { criticalPath, slack, advice } = explanation;
  const scale = scaleOf(run);
  const fate = fateOf(run);
  const requests = run.attempts.length;
  return layout(
    base,
    `${titleOf(run)} · express-mashup`,
    html`<h1>${titleOf(run)}</h1>
<p class="sums"><span><strong>${ms(run.total)}</strong> waited, of ${ms(run.graph.deadline)} at most</span>
<span><strong class="fate ${fate}">${fate}</strong> ${run.failed ?? ''}</span>
<span><strong>${requests}</strong> ${requests === 1 ? 'request' : 'requests'} for ${run.calls.size} upstreams</span></p>
<section aria-labelledby="help"><h2 id="help">What would help</h2>
${advice.length === 0 ? html`<p>Nothing that one change would save.</p>` : html`<ol class="advice">${advice.map(({ saves, do: text }) => html`<li><strong>${ms(saves)}</strong> ${text}</li>`)}</ol>`}
<p class="note">The page was held up by ${criticalPath.join(', then ')}.</p></section>
<section aria-labelledby="time"><h2 id="time">Where the time went</h2>
<div class="waterfall" role="table" aria-label="Upstreams">
<div class="call scale" role="row"><span role="columnheader">Upstream</span><span role="columnheader">Took</span><span role="columnheader">${axis(scale)}<span class="hidden">Time line</span></span></div>
${[...run.calls.values()].map((call) => callRow(run, call, slack[call.name], criticalPath.includes(call.name), bars(run, call, scale)))}
</div>
<p class="legend" aria-hidden="true"><span class="key waited"></span>waited <span class="key wait"></span>until the first byte <span class="key body"></span>body <span class="key shown"></span>page shown <span class="key timeout"></span>timeout <span class="key deadline"></span>deadline</p></section>
<section aria-labelledby="graph"><h2 id="graph">Who waits for whom</h2><div class="scrolls" tabindex="0" role="region" aria-labelledby="graph">${drawing(run.graph)}</div></section>
${switches === null ? '' : whatIfForm(base, run, switches)}
<section aria-labelledby="copy"><h2 id="copy">To copy</h2>
<p><a href="${base}/runs/${run.id}.har" download>This run as HAR</a></p>
<details><summary>As a fixture for tests</summary><pre tabindex="0"><code>${fixtureOf(run)}</code></pre></details>
<details><summary>As commands (${requests})</summary><pre tabindex="0"><code>${run.attempts.map(
      (attempt) => html`${curlOf(attempt)}
`,
    )}</code></pre></details></section>`,
  );
}

function inWords(switches: Switches): string {
  return [...switches].map(([name, way]) => `${name} ${wayNames[way]}`).join(', ');
}

function whatIfForm(base: string, run: RunRecord, switches: Switches): Html {
  const choice = (name: string, way: string, text: string | undefined) =>
    html`<option value="${way}" selected="${(switches.get(name) ?? '') === way}">${text}</option>`;
  const field = (name: string) =>
    html`<label><span>${name}</span> <select name="${name}">${choice(name, '', 'as it is')}${Object.entries(wayNames).map(([way, text]) => choice(name, way, text))}</select></label>`;
  return html`<section aria-labelledby="what-if"><h2 id="what-if">What if</h2><p class="note">For this browser, upstreams can be made slow or sick. Then open the page again.</p>
<form method="post" action="${base}/what-if">${[...run.calls.keys()].map(field)}<button>Make it so</button></form></section>`;
}

function callRow(run: RunRecord, call: CallRecord, slack: number | undefined, isCritical: boolean, drawn: Html): Html {
  const { name, status, timings, error, message, attempts } = call;
  const node = run.graph.upstreams.find((one) => one.name === name);
  const took = (timings.ended ?? run.total) - timings.ready;
  const waitsFor = node?.waitsFor ?? [];
  const facts = [
    waitsFor.length > 0 && `Started after ${waitsFor.join(' and ')}, at ${ms(timings.ready)}.`,
    node?.deferred && 'The page did not wait for it.',
    sourceOf(call),
    attempts > 1 && call.items === undefined && `${attempts} requests.`,
    slack !== undefined && slack > 0 && `Could have taken ${ms(slack)} longer.`,
  ];
  return html`<div class="call${isCritical ? ' critical' : ''}" role="row">
<span role="rowheader"><strong>${name}</strong> <span class="status ${status}">${status}</span>${isCritical ? html` <span class="mark">held up the page</span>` : ''}${node?.deferred ? html` <span class="mark">filled in later</span>` : ''}</span>
<span role="cell" class="number">${timings.ended === null ? '…' : ms(took)}</span>
<span role="cell">${drawn}</span>
<div role="cell" class="why"><details><summary>${error === null ? 'Details' : error.code}</summary>
${message === null ? '' : html`<p>${message}</p>`}<p>${facts.filter(Boolean).join(' ')}</p>${attemptsTable(run.attempts.filter(({ upstream }) => upstream === name))}</details></div></div>`;
}

function attemptsTable(attempts: readonly AttemptRecord[]): HtmlValue {
  if (attempts.length === 0) return html`<p>Nothing was sent for it.</p>`;
  return html`<div class="scrolls" tabindex="0" role="region" aria-label="Requests"><table><thead><tr><th scope="col">Request</th><th scope="col">Kind</th><th scope="col" class="number">At</th><th scope="col" class="number">First byte</th><th scope="col" class="number">End</th><th scope="col">Answer</th><th scope="col">Connection</th></tr></thead><tbody>
${attempts.map(
  ({
    method,
    url,
    kind,
    shared,
    began,
    firstByte,
    ended,
    status,
    code,
    reused,
  }) => html`<tr><td><code>${method} ${url}</code></td><td>${kind}${shared ? ', shared' : ''}</td>
<td class="number">${ms(began)}</td><td class="number">${firstByte === null ? '–' : ms(firstByte)}</td><td class="number">${ms(ended)}</td><td>${[status, code].filter((one) => one !== null).join(' ')}</td><td>${reused === null ? '' : reused ? 'kept' : 'new'}</td></tr>`,
)}</tbody></table></div>`;
}

export function healthPage(base: string, { origins, cache, store }: MashupStats): Html {
  const rows = Object.entries(origins);
  return layout(
    base,
    'Health · express-mashup',
    html`<h1>Health</h1>
<section aria-labelledby="origins"><h2 id="origins">Origins</h2>
${
  rows.length === 0
    ? html`<p>No origin has been asked yet.</p>`
    : html`<div class="scrolls" tabindex="0" role="region" aria-labelledby="origins"><table><thead><tr><th scope="col">Origin</th><th scope="col" class="number">In flight</th><th scope="col" class="number">Waiting</th><th scope="col">Breaker</th><th scope="col" class="number">Median</th><th scope="col" class="number">p95</th><th scope="col" class="number">Retries left</th><th scope="col">Ended with</th></tr></thead><tbody>
${rows.map(
  ([
    origin,
    { inFlight, queued, breaker, p50, p95, budget, outcomes },
  ]) => html`<tr><th scope="row">${origin}</th><td class="number">${inFlight}</td><td class="number">${queued}</td><td>${breaker ?? '–'}</td>
<td class="number">${p50 === null ? '–' : ms(p50)}</td><td class="number">${p95 === null ? '–' : ms(p95)}</td><td class="number">${budget}</td><td>${Object.entries(
    outcomes,
  )
    .map(([what, count]) => `${what} ${count}`)
    .join(', ')}</td></tr>`,
)}</tbody></table></div>`
}</section>
<section aria-labelledby="cache"><h2 id="cache">Cache</h2><dl>${Object.entries(cache).map(([what, count]) => html`<div><dt>${what}</dt><dd>${count}</dd></div>`)}</dl></section>
${store === null ? '' : html`<section aria-labelledby="store"><h2 id="store">Store</h2><dl>${Object.entries(store).map(([what, value]) => html`<div><dt>${what}</dt><dd>${String(value)}</dd></div>`)}</dl></section>`}`,
  );
}

export function missingPage(base: string): Html {
  return layout(
    base,
    'Not here · express-mashup',
    html`<h1>Not here</h1><p>This run is not kept any more. <a href="${base}/">The latest runs</a></p>`,
  );
}
