// The values of the command's options: text in, a part of the request out, or what is wrong with it.

interface Mistake {
  mistake: string;
}

const unitMs = { ms: 1, s: 1000, m: 60_000 } as const;
/** What a timer of Node can hold. */
const maxTimeout = 2 ** 31 - 1;

export function parseDuration(option: string, text: string | undefined): { timeout?: number } | Mistake {
  if (text === undefined) return {};
  const match = /^(\d+(?:\.\d+)?|\.\d+)(ms|s|m)?$/.exec(text);
  if (match === null) return { mistake: `${option} ${text} is not a duration: write 500, 500ms, 2s, 1.5s or 1m` };
  const timeout = Math.ceil(Number(match[1]) * unitMs[(match[2] ?? 'ms') as keyof typeof unitMs]);
  if (timeout === 0) return { mistake: `${option} ${text} leaves no time at all: it must be more than 0` };
  if (timeout > maxTimeout) return { mistake: `${option} ${text} is too long: the most is ${maxTimeout} ms` };
  return { timeout };
}

export function parseWhole(option: string, text: string | undefined): { concurrency?: number } | Mistake {
  if (text === undefined) return {};
  const concurrency = /^\d+$/.test(text) ? Number(text) : 0;
  if (concurrency === 0 || !Number.isSafeInteger(concurrency)) {
    return { mistake: `${option} ${text} is not a whole number above 0` };
  }
  return { concurrency };
}

type Headers = Record<string, string | string[]>;

/** A name given more than once is sent as often, in the spelling that came first. */
export function parseHeaders(option: string, lines: readonly string[] | undefined): { headers?: Headers } | Mistake {
  if (lines === undefined) return {};
  const byName = new Map<string, { name: string; values: string[] }>();
  for (const line of lines) {
    // A value's text may be anything that HTTP allows in one: no control character but the tab, nothing above U+00FF.
    const match = /^([!#$%&'*+\-.^_`|~\w]+):[ \t]*([\t\x20-\x7e\x80-\xff]*)$/.exec(line);
    const [, name, value] = match ?? [];
    // Not the line itself: a header's value is often a secret.
    if (name === undefined || value === undefined) return { mistake: `${option} wants 'name: value'` };
    const known = byName.get(name.toLowerCase());
    if (known === undefined) byName.set(name.toLowerCase(), { name, values: [value.trimEnd()] });
    else known.values.push(value.trimEnd());
  }
  const entries = Array.from(byName.values(), ({ name, values }) => [
    name,
    values.length > 1 ? values : (values[0] ?? ''),
  ]);
  return { headers: Object.fromEntries(entries) };
}
