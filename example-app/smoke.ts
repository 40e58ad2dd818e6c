// Starts everything on free ports, asks for the page as a visitor would, well and sick, and says what it saw.
import { mashup } from 'express-mashup';
import { createDashboard } from './app.js';
import type { Country } from './services/countries.js';
import { listen, startServices, urlOf } from './services/index.js';

const boxes = ['weather', 'sky', 'air', 'news', 'holidays', 'country', 'neighbours'];
const deadline = 1500;
const slack = 500;
let failed = false;

const services = await startServices();
const dashboard = await createDashboard(services.urls);
const server = await listen(dashboard.app, 0);
const page = urlOf(server);

// The first page pays for loading views, parsers and data.
await ask('/cities/london');

const well = await ask('/cities/oslo');
check('the page answers 200', well.status === 200);
check('all boxes are filled', emptyBoxes(well.html).length === 0, emptyBoxes(well.html));

const again = await ask('/cities/oslo');
check(
  'what the services allow is kept: boxes say that they are from the cache',
  /from the cache, \d+ s old/.test(again.html),
);
check('and no box is empty', emptyBoxes(again.html).length === 0, emptyBoxes(again.html));

const sick = await ask('/cities/oslo?slow=weather:3000&fail=news');
check('the page with two sick services answers 200', sick.status === 200);
check(`it comes within ${deadline} ms`, sick.took < deadline + slack, `${Math.round(sick.took)} ms`);
check(
  'their two boxes are without data, and no other',
  `${emptyBoxes(sick.html)}` === 'weather,news',
  emptyBoxes(sick.html),
);
check('in one of them, what is usual stands in for it', /<p class="big">−?\d+°<\/p>\s*<p>is usual for/.test(sick.html));
check('they say why', /ERR_UPSTREAM_TIMEOUT/.test(sick.html) && /ERR_UPSTREAM_STATUS/.test(sick.html));

const late = await readFirst('/cities/oslo?slow=news:800');
check('what is late does not hold up the page', late.first.includes('Still coming') && !late.first.includes('</html>'));
check('and is filled in when it comes', emptyBoxes(late.whole).length === 0, emptyBoxes(late.whole));

check('an unknown city is 404', (await ask('/cities/atlantis')).status === 404);

const country = await ask('/countries/NO');
check('the page from a file answers 200', country.status === 200);
check('with its three boxes', emptyBoxes(country.html).join() === 'weather,sky,air,news', emptyBoxes(country.html));
const data = JSON.parse((await ask('/api/countries/NO')).html) as { country: Country; neighbours: Country[] };
check('and its data as JSON', data.neighbours.map(({ name }) => name).join() === 'Finland,Sweden,Russia', data);
check('an unknown country is 404', (await ask('/countries/XX')).status === 404);

const stuck = await ask('/cities/oslo?slow=cities:5000');
check('a required service that hangs makes it 504', stuck.status === 504);
check(`that comes within ${deadline} ms, too`, stuck.took < deadline + slack, `${Math.round(stuck.took)} ms`);

server.close();
await dashboard.close();
await mashup.close();
await services.close();
process.exitCode = failed ? 1 : 0;

async function ask(path: string): Promise<{ status: number; html: string; took: number }> {
  const start = performance.now();
  const response = await fetch(page + path);
  const html = await response.text();
  return { status: response.status, html, took: performance.now() - start };
}

/** What comes at once, and all of it. */
async function readFirst(path: string): Promise<{ first: string; whole: string }> {
  const { body } = await fetch(page + path);
  let first = '';
  let whole = '';
  for await (const chunk of (body as ReadableStream<Uint8Array>).pipeThrough(new TextDecoderStream())) {
    whole += chunk;
    if (!whole.includes('<template')) first = whole;
  }
  return { first, whole };
}

/** The boxes that the page shows without data, and those that it does not show at all. */
function emptyBoxes(html: string): string[] {
  const sections = html.split('<section').map((section) => section.split('</section>')[0] ?? '');
  return boxes.filter((box) => {
    const section = sections.find((each) => each.includes(`id="${box}"`));
    return section === undefined || section.includes('class="missing"');
  });
}

function check(what: string, holds: boolean, seen: unknown = ''): void {
  console.log(`${holds ? 'ok    ' : 'FAILED'} ${what}${holds ? '' : `: ${seen}`}`);
  failed ||= !holds;
}
