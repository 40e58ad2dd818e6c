import { openapi } from '../../src/openapi/index.js';
import { json, startUpstream } from '../support/backend.js';
import { closeAll } from '../support/closing.js';
import { newMashup, openPage } from '../support/site.js';
import type { paths } from '../types/paths.js';

afterEach(closeAll);

test.each(['https://a.example.com/v1', 'https://a.example.com/v1/'])('%s and a template are joined', (base) => {
  const api = openapi<paths>(base);
  expect(api('/users/{params.id}{?query.lang}')).toEqual({
    url: 'https://a.example.com/v1/users/{params.id}{?query.lang}',
    method: 'GET',
  });
  expect(api('/users', 'post')).toEqual({ url: 'https://a.example.com/v1/users', method: 'POST' });
});

test('a page has the data, and takes further options beside it', async () => {
  const { origin, sent } = await startUpstream((response) => json(response, { id: '7', name: 'Ada' }));
  const api = openapi<paths>(origin);
  const page = { user: { ...api('/users/{params.id}{?query.lang}'), required: true, coalesce: true } };
  const visit = await openPage(page, { mashup: newMashup() });
  expect((await visit({ path: '/7?lang=nb' })).data['user']).toEqual({ id: '7', name: 'Ada' });
  expect(sent.map(({ method, url }) => `${method} ${url}`)).toEqual(['GET /users/7?lang=nb']);
});

test('a base that is none is an error of the page', () => {
  const api = openapi<paths>(undefined as unknown as string);
  expect(() => newMashup()({ user: api('/users/7') })).toThrow('user.url');
});
