const months = 'jan feb mar apr may jun jul aug sep oct nov dec'.split(' ');

const imfFixdate = /^[a-z]{3}, (\d\d) ([a-z]{3}) (\d{4}) (\d\d):(\d\d):(\d\d) gmt$/i;
const rfc850 = /^[a-z]{6,9}, (\d\d)-([a-z]{3})-(\d\d) (\d\d):(\d\d):(\d\d) gmt$/i;
const asctime = /^[a-z]{3} ([a-z]{3}) ([ \d]\d) (\d\d):(\d\d):(\d\d) (\d{4})$/i;

/**
 * Milliseconds since 1970 of a date in one of HTTP's three formats (RFC 9110, section 5.6.7); null where it is none. Date.parse
 * reads nearly everything.
 *
 * @param now milliseconds since 1970: a year of two digits is less than 50 years from then
 */
export function httpDate(text: string, now: number): number | null {
  const fixed = imfFixdate.exec(text);
  if (fixed !== null) {
    const [, day, month, year, ...time] = fixed;
    return utc(Number(year), month, day, time);
  }
  const old = rfc850.exec(text);
  if (old !== null) {
    const [, day, month, year, ...time] = old;
    const thisYear = new Date(now).getUTCFullYear();
    const near = thisYear - (thisYear % 100) + Number(year);
    return utc(near > thisYear + 50 ? near - 100 : near, month, day, time);
  }
  const ansi = asctime.exec(text);
  if (ansi === null) return null;
  const [, month, day, hour, minute, second, year] = ansi;
  return utc(Number(year), month, day, [hour, minute, second]);
}

function utc(
  year: number,
  month: string | undefined,
  day: string | undefined,
  time: readonly (string | undefined)[],
): number | null {
  const [hour = 0, minute = 0, second = 0] = time.map(Number);
  const index = months.indexOf(month?.toLowerCase() ?? '');
  if (index === -1 || hour > 23 || minute > 59 || second > 60) return null;
  return Date.UTC(year, index, Number(day), hour, minute, second);
}
