import { explain, type Outcome } from 'express-mashup';

/** One request on the time line, in per cent of the whole. */
export interface Bar {
  from: number;
  /** Until the request was sent: it waited for a free slot. */
  sent: number;
  to: number;
  status: Outcome['status'];
}

export interface Row {
  name: string;
  status: Outcome['status'];
  /** What went wrong. */
  code: string | null;
  requests: number;
  /** Whether the page was sent without it. */
  late: boolean;
  /** From when it could start. */
  start: number;
  took: number;
  /** Whether the page could not have been sent sooner because of it. */
  critical: boolean;
  /** Where its own time is up, in per cent; null where that is not on the scale. */
  timeout: number | null;
  bars: Bar[];
}

export interface TimeSpent {
  /** What the page waited, in milliseconds, and what it would have waited for one upstream after the other. */
  together: number;
  oneByOne: number;
  /** Until what it did not wait for was there, too. */
  whole: number;
  /** When the page was sent, and what one after the other would have cost, in per cent of the scale. */
  sent: number;
  serial: number;
  /** Round times on the scale, each with its place in per cent. */
  ticks: { ms: number; at: number }[];
  /** Where the deadline is, in per cent; null where that is not on the scale. */
  deadline: number | null;
  requests: number;
  arrived: number;
  rows: Row[];
  /** What would have helped most. */
  advice: string | null;
}

/** The times that a page gives itself, in milliseconds. */
export interface Limits {
  deadline: number;
  /** By the upstream. */
  timeouts: Readonly<Record<string, number>>;
  /** The upstreams that the page does not wait for. */
  late: readonly string[];
}

/** What the panel "Where the time went" shows, from the outcomes that the middleware left in res.locals.mashup. */
export function whereTimeWent(outcomes: Record<string, Outcome>, { deadline, timeouts, late }: Limits): TimeSpent {
  const all = Object.values(outcomes);
  const together = Math.max(...all.filter(({ name }) => !late.includes(name)).map(endOf));
  const whole = Math.max(...all.map(endOf));
  // What was cut off would have taken at least that long.
  const oneByOne = sum(all.flatMap(requestsOf).map((one) => endOf(one) - startOf(one)));
  const scale = Math.max(oneByOne, whole, 1);
  const percent = (ms: number): number => Math.round((ms / scale) * 1000) / 10;
  const onScale = (ms: number): number | null => (ms <= scale ? percent(ms) : null);
  const { criticalPath, advice } = explain(outcomes);
  const rows = all.map((outcome): Row => {
    const { name, status, error, timings } = outcome;
    const requests = requestsOf(outcome);
    return {
      name,
      status,
      code: error?.code ?? null,
      requests: sum(requests.map(({ attempts }) => attempts)),
      late: late.includes(name),
      start: Math.round(timings.ready),
      took: Math.round(endOf(outcome) - timings.ready),
      critical: criticalPath.includes(name),
      timeout: timeouts[name] === undefined ? null : onScale(timings.ready + timeouts[name]),
      bars: requests.map((one) => ({
        from: percent(one.timings.ready),
        sent: percent(startOf(one)),
        to: percent(endOf(one)),
        status: one.status,
      })),
    };
  });
  return {
    together: Math.round(together),
    oneByOne: Math.round(oneByOne),
    whole: Math.round(whole),
    sent: percent(together),
    serial: percent(oneByOne),
    ticks: ticksOf(scale).map((ms) => ({ ms, at: percent(ms) })),
    deadline: onScale(deadline),
    requests: sum(rows.map(({ requests }) => requests)),
    arrived: all.filter(({ status }) => status === 'success').length,
    rows,
    advice: advice[0]?.do ?? null,
  };
}

/** Round times, of which there are three to six on the scale. */
function ticksOf(scale: number): number[] {
  const power = 10 ** Math.floor(Math.log10(scale / 3));
  const step = [5, 2, 1].map((factor) => factor * power).find((one) => scale / one >= 2.4) ?? power;
  return Array.from({ length: Math.floor(scale / step) + 1 }, (_, at) => at * step);
}

/** A fan-out is one request for each of its items. */
function requestsOf(outcome: Outcome): Outcome[] {
  return outcome.items?.length ? outcome.items : [outcome];
}

function startOf(outcome: Outcome): number {
  return outcome.timings.started ?? endOf(outcome);
}

function endOf({ timings }: Outcome): number {
  return timings.ended ?? timings.ready;
}

function sum(values: number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
