import type { Outcome } from 'express-mashup';

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
  bars: Bar[];
}

export interface TimeSpent {
  /** What the page waited, in milliseconds, and what it would have waited for one upstream after the other. */
  together: number;
  oneByOne: number;
  /** Until what it did not wait for was there, too. */
  whole: number;
  /** When the page was sent, in per cent of the whole. */
  sent: number;
  requests: number;
  rows: Row[];
}

/**
 * What the panel "Where the time went" shows, from the outcomes that the middleware left in res.locals.mashup.
 * @param late the upstreams that the page did not wait for
 */
export function whereTimeWent(outcomes: Record<string, Outcome>, late: readonly string[] = []): TimeSpent {
  const all = Object.values(outcomes);
  const together = Math.max(...all.filter(({ name }) => !late.includes(name)).map(endOf));
  const whole = Math.max(...all.map(endOf));
  const rows = all.map((outcome) => ({ ...rowOf(outcome, whole), late: late.includes(outcome.name) }));
  return {
    together: Math.round(together),
    whole: Math.round(whole),
    sent: percentOf(together, whole),
    oneByOne: Math.round(sum(all.flatMap(requestsOf).map((one) => endOf(one) - startOf(one)))),
    requests: sum(rows.map(({ requests }) => requests)),
    rows,
  };
}

function percentOf(milliseconds: number, whole: number): number {
  return Math.round((milliseconds / Math.max(whole, 1)) * 1000) / 10;
}

function rowOf(outcome: Outcome, whole: number): Omit<Row, 'late'> {
  const { name, status, error, timings } = outcome;
  const percent = (milliseconds: number): number => percentOf(milliseconds, whole);
  const requests = requestsOf(outcome);
  return {
    name,
    status,
    code: error?.code ?? null,
    requests: sum(requests.map(({ attempts }) => attempts)),
    start: Math.round(timings.ready),
    took: Math.round(endOf(outcome) - timings.ready),
    bars: requests.map((one) => ({
      from: percent(one.timings.ready),
      sent: percent(startOf(one)),
      to: percent(endOf(one)),
      status: one.status,
    })),
  };
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
