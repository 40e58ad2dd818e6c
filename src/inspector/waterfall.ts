import { html } from '../html/html.js';
import type { Html } from '../html/values.js';
import type { AttemptRecord, CallRecord, RunRecord } from './record.js';
import { endOf } from './record.js';
import { ms } from './words.js';

const ROW = 20;

/** The scale of a run: until its end, or until its deadline where that is not far. */
export interface Scale {
  readonly end: number;
  readonly ticks: readonly number[];
}

export function scaleOf(run: RunRecord): Scale {
  const last = Math.max(endOf(run), 1);
  const { deadline } = run.graph;
  const end = deadline < 1.5 * last ? Math.max(deadline, last) : last;
  const step = stepOf(end);
  const ticks = Array.from({ length: Math.floor(end / step) + 1 }, (_, at) => at * step);
  return { end, ticks };
}

/** A round number of milliseconds, of which there are four to ten in the whole. */
function stepOf(end: number): number {
  const rough = end / 5;
  const power = 10 ** Math.floor(Math.log10(rough));
  return [1, 2, 5, 10].map((factor) => factor * power).find((step) => step >= rough) ?? rough;
}

export function axis(scale: Scale): Html {
  return html`<svg class="axis" height="18" aria-hidden="true">${scale.ticks.map(
    (tick) =>
      html`<text x="${percent(tick, scale)}" y="13" text-anchor="${tick > 0.9 * scale.end ? 'end' : null}">${ms(tick)}</text>`,
  )}</svg>`;
}

/** The bars of a call: what it waited for, its requests, and where the page had its deadline and its end. */
export function bars(run: RunRecord, call: CallRecord, scale: Scale): Html {
  const attempts = run.attempts.filter(({ upstream }) => upstream === call.name);
  const lines = Math.max(1, attempts.length);
  const thick = lines > 6 ? 4 : lines > 1 ? 8 : 12;
  const height = Math.max(ROW, lines * (thick + 2) + 4);
  const { ready, ended } = call.timings;
  const end = ended ?? run.total;
  const from = attempts.length === 0 ? ready : Math.min(...attempts.map(({ began }) => began));
  const timeout = run.graph.upstreams.find(({ name }) => name === call.name)?.timeout ?? null;
  return html`<svg class="bars" height="${height}" aria-hidden="true">
${scale.ticks.map((tick) => line('tick', tick, scale))}
${call.timings.started === null && attempts.length === 0 ? bar(`whole ${call.status}`, ready, end, scale, 4, 12) : bar('waited', ready, from, scale, 4, lines * (thick + 2) - 2)}
${attempts.map((attempt, at) => attemptBars(attempt, call, scale, 4 + at * (thick + 2), thick))}
${timeout === null || ready + timeout > scale.end ? null : line('timeout', ready + timeout, scale)}
${run.graph.deadline > scale.end ? null : line('deadline', run.graph.deadline, scale)}
${line('shown', run.total, scale)}
</svg>`;
}

function attemptBars(attempt: AttemptRecord, call: CallRecord, scale: Scale, y: number, thick: number): Html[] {
  const { began, firstByte, ended, code, kind } = attempt;
  const isBad = code !== null || (attempt.status ?? 0) >= 400;
  const status = isBad ? 'error' : call.status === 'success' || call.status === 'partial' ? 'success' : call.status;
  const answered = firstByte ?? ended;
  return [
    bar(`wait ${status} ${kind}`, began, answered, scale, y, thick),
    bar(`body ${status}`, answered, ended, scale, y, thick),
  ];
}

function bar(kind: string, from: number, to: number, scale: Scale, y: number, height: number): Html {
  const width = Math.max(((Math.min(to, scale.end) - from) / scale.end) * 100, from === to ? 0 : 0.15);
  return html`<rect class="${kind}" x="${percent(from, scale)}" y="${y}" width="${width.toFixed(2)}%" height="${height}" rx="1.5"/>`;
}

function line(kind: string, at: number, scale: Scale): Html {
  return html`<line class="${kind}" x1="${percent(at, scale)}" x2="${percent(at, scale)}" y1="0" y2="100%"/>`;
}

function percent(at: number, { end }: Scale): string {
  return `${((Math.max(0, Math.min(at, end)) / end) * 100).toFixed(2)}%`;
}
