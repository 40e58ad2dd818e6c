import { type Backend, startBackend } from '../support/backend.js';
import { closeAll } from '../support/closing.js';
import { deferred, settled } from '../support/deferred.js';
import { type Site, startSite } from '../support/site.js';

let backend: Backend;
let site: Site;

beforeEach(async () => {
  backend = await startBackend();
  site = await startSite();
});
afterEach(closeAll);

test('while a fallback is being made for a call whose time is up, nothing is tried again', async () => {
  const data = deferred<string>();
  const visit = site.visit({
    a: { url: `${backend.origin}/a`, timeout: 100, retry: 5, fallback: () => data.promise },
  });
  await backend.asked('/a');
  site.clock.advance(100);
  await settled();
  site.clock.advance(1000);
  await settled();
  data.resolve('made');
  expect((await visit).locals.mashup['a']).toMatchObject({
    status: 'fallback',
    data: 'made',
    attempts: 1,
    error: { code: 'ERR_UPSTREAM_TIMEOUT' },
  });
});

test('a status that the page takes for a success is not tried again', async () => {
  backend.answer('/a', 'down', { status: 503 });
  const { locals } = await site.visit({ a: { url: `${backend.origin}/a`, retry: 2, validateStatus: null } });
  expect(locals.mashup['a']).toMatchObject({ status: 'success', attempts: 1, response: { status: 503 } });
});
