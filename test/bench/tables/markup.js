// What a page of 100 rows costs to print: templates that know where a value stands, beside ones that do not, and one by hand.
import { html as ghtml } from 'ghtml';
import { html } from '../../../dist/html/index.js';
import { table } from '../lib/markdown.js';
import { median, order } from '../lib/stats.js';

const rows = Array.from({ length: 100 }, (_, id) => ({
  id,
  kind: id % 2 ? 'odd' : 'even',
  name: `Name ${id}`,
  text:
    id % 5 ? `What somebody has written about number ${id}, without anything to escape in it` : `Tom & Jerry's <${id}>`,
}));

const references = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };
const escaped = (value) => String(value).replace(/[&<>"']/g, (character) => references[character]);

const ways = {
  ghtml: () =>
    ghtml`<!doctype html><html><body><table>!${rows.map(
      ({ id, kind, name, text }) =>
        ghtml`<tr class="${kind}" id="row-${id}"><td><a href="/items/${id}">${name}</a></td><td>${text}</td></tr>`,
    )}</table></body></html>`,
  'template strings, escaped by hand': () =>
    `<!doctype html><html><body><table>${rows
      .map(
        ({ id, kind, name, text }) =>
          `<tr class="${escaped(kind)}" id="row-${escaped(id)}"><td><a href="/items/${escaped(id)}">${escaped(name)}</a></td><td>${escaped(text)}</td></tr>`,
      )
      .join('')}</table></body></html>`,
  '**express-mashup/html**': () =>
    String(
      html`<!doctype html><html><body><table>${rows.map(
        ({ id, kind, name, text }) =>
          html`<tr class="${kind}" id="row-${id}"><td><a href="/items/${id}">${name}</a></td><td>${text}</td></tr>`,
      )}</table></body></html>`,
    ),
};

export default function markup({ rounds }, log) {
  const names = Object.keys(ways);
  const times = Object.fromEntries(names.map((name) => [name, []]));
  for (let round = -2; round < rounds; round++) {
    for (const name of order(names, round + 2)) {
      const began = performance.now();
      for (let page = 0; page < 2000; page++) ways[name]();
      if (round >= 0) times[name].push((performance.now() - began) / 2);
    }
    log(`round ${round + 1} of ${rounds}`);
  }
  const ratio = (name) => median(times[name].map((time, round) => time / times.ghtml[round]));
  return [
    `## Printing a page of 100 rows with five values each, ${rounds} rounds of 2,000 pages`,
    table(
      ['with', 'µs a page', 'time, ghtml = 1'],
      names.map((name) => [name, median(times[name]).toFixed(0), ratio(name).toFixed(2)]),
    ),
  ].join('\n\n');
}
