// What the upstreams answer, and the digest of it that proves that a page has parsed every answer.
import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';

/** Decompresses, off the main thread. */
export const unzip = promisify(gunzip);

const row = (index, n) => ({
  id: n,
  name: `Row ${n} of ${index}`,
  price: (n * 37) / 10,
  tags: ['a', 'b'],
  active: n % 2 === 0,
});

/** The answer of upstream number `index`, as JSON of exactly `size` bytes. */
export function body(index, size) {
  const data = { id: 1000 + index, rows: [], note: '' };
  while (JSON.stringify(data).length < size - 80) data.rows.push(row(index, data.rows.length));
  const missing = size - JSON.stringify(data).length;
  if (missing < 0) throw new RangeError(`--size ${size} is too small: at least ${size - missing}`);
  data.note = 'x'.repeat(missing);
  return JSON.stringify(data);
}

/** The answer of upstream number `index`, as text of exactly `size` characters and bytes. */
export function text(index, size) {
  const start = `<p>Fragment ${index}: ${'lorem ipsum dolor sit amet '.repeat(size / 27)}`;
  return `${start.slice(0, size - 4).padEnd(size - 4, 'x')}</p>`;
}

/** The texts in a page made of them. */
export const fragments = (html) => html.match(/<p>Fragment [^<]*<\/p>/g) ?? [];

/** What every contender's page answers, given the data of its upstreams in their order. */
export function digest(list) {
  return list.map((data) =>
    typeof data === 'string' ? { length: data.length } : { id: data.id, rows: data.rows.length },
  );
}

/** The digest that a right page answers. */
export function expected({ upstreams, size, type }) {
  const data = (index) => (type === 'text' ? text(index, size) : JSON.parse(body(index, size)));
  return digest(Array.from({ length: upstreams }, (_, index) => data(index)));
}
