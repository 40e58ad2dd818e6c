import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createMashup, type Mashup } from '../../src/index.js';
import { type RecordOptions, record } from '../../src/testing/index.js';
import { type Backend, startBackend } from '../support/backend.js';
import { closeAll, closeLater } from '../support/closing.js';

let backend: Backend;
let mashup: Mashup;
let file: string;
const { CI, MASHUP_RECORD } = process.env;

beforeEach(async () => {
  backend = await startBackend();
  mashup = createMashup();
  closeLater(() => mashup.close());
  const directory = await mkdtemp(join(tmpdir(), 'mashup-record-'));
  closeLater(() => rm(directory, { recursive: true, force: true }));
  file = join(directory, 'recordings', 'page.json');
  setEnvironment({});
});
afterEach(closeAll);
afterAll(() => setEnvironment({ CI, MASHUP_RECORD }));

function setEnvironment(wanted: Record<string, string | undefined>): void {
  for (const name of ['CI', 'MASHUP_RECORD']) {
    if (wanted[name] === undefined) delete process.env[name];
    else process.env[name] = wanted[name];
  }
}

function tape(options: RecordOptions = {}) {
  const upstreams = record(file, { instance: mashup, ...options });
  closeLater(() => upstreams.restore());
  return upstreams;
}

const page = () =>
  mashup({
    token: {
      url: `${backend.origin}/token?key=s3cret-query&city=Oslo`,
      headers: { authorization: 'Bearer s3cret-header' },
    },
    sent: { url: `${backend.origin}/sent`, method: 'POST', data: { password: 's3cret-body' } },
  });

test('what was recorded is replayed without the upstreams, and holds nothing that was not allowed', async () => {
  setEnvironment({ MASHUP_RECORD: '1' });
  backend.answer(
    '/token?key=s3cret-query&city=Oslo',
    { token: 's3cret-token', temp: 7, list: [{ temp: 8, pin: 1234 }], ok: true },
    {
      headers: { 'set-cookie': 's=s3cret-cookie', 'x-token': 's3cret', 'cache-control': 'max-age=5' },
    },
  );
  backend.answer('/sent', { id: 1 }, { status: 201 });
  const allowed = { fields: ['temp'], query: ['city'] };
  const recording = tape(allowed);
  expect((await page().run()).data['token']).toMatchObject({ token: 's3cret-token' });
  expect(recording.calls['token']).toHaveLength(1);
  recording.done();
  const text = await readFile(file, 'utf8');
  expect(text).not.toMatch(/s3cret|1234/);
  expect(JSON.parse(text).answers[0]).toEqual({
    upstream: 'token',
    method: 'GET',
    url: `${backend.origin}/token?key=…&city=Oslo`,
    status: 200,
    headers: { 'content-type': 'application/json', 'cache-control': 'max-age=5' },
    json: { token: '…', temp: 7, list: [{ temp: 8, pin: 0 }], ok: false },
  });

  setEnvironment({ CI: 'true' });
  const replay = tape(allowed);
  const { data, outcomes } = await page().run();
  expect(data).toEqual({ token: { token: '…', temp: 7, list: [{ temp: 8, pin: 0 }], ok: false }, sent: { id: 0 } });
  expect(outcomes['sent']?.response?.status).toBe(201);
  await expect(mashup({ token: `${backend.origin}/token?key=x&city=Rome` }).run()).rejects.toThrow('is not mocked');
  expect(() => replay.done()).toThrow('city=…');
});

test('answers to equal requests are replayed in turn, and set() comes before them', async () => {
  setEnvironment({ MASHUP_RECORD: '1' });
  const once = mashup({ a: `${backend.origin}/a` });
  const recording = tape({ fields: true });
  for (const n of [1, 2]) {
    backend.answer('/a', `text ${n}`, { headers: { 'content-type': 'text/plain' } });
    await once.run();
  }
  recording.done();
  setEnvironment({});
  const replay = tape();
  const got = [];
  for (let n = 0; n < 3; n++) got.push((await once.run()).data['a']);
  expect(got).toEqual(['"text 1"', '"text 2"', '"text 2"']);
  replay.set('a', { status: 200, body: 9 });
  expect((await once.run()).data['a']).toBe(9);
});

test('a redirect is recorded without the values of its query, and is followed again', async () => {
  setEnvironment({ MASHUP_RECORD: '1' });
  const from = `${backend.origin}/from`;
  backend.answer('/from', null, { status: 302, headers: { location: '/to?ticket=s3cret' } });
  backend.answer('/to?ticket=s3cret', { id: 1 });
  const recording = tape({ fields: true });
  await mashup({ a: from }).run();
  recording.done();
  expect(await readFile(file, 'utf8')).not.toContain('s3cret');
  setEnvironment({});
  tape({ fields: true });
  expect((await mashup({ a: from }).run()).data).toEqual({ a: { id: 1 } });
});

test('nothing is recorded where CI is set, and nothing is replayed without a file', () => {
  expect(() => tape()).toThrow(`there is no recording ${file}: make it with MASHUP_RECORD=1`);
  setEnvironment({ CI: '1', MASHUP_RECORD: '1' });
  expect(() => tape()).toThrow('MASHUP_RECORD=1 has no place where CI is set');
});

test('a body that cannot be blanked is not written', async () => {
  setEnvironment({ MASHUP_RECORD: '1' });
  backend.answer('/a', 's3cret', { headers: { 'content-type': 'text/plain' } });
  const recording = tape();
  await mashup({ a: `${backend.origin}/a` }).run();
  expect(() => recording.done()).toThrow(/is not written: 'a' .*fields: true/);
  await expect(readFile(file)).rejects.toThrow('ENOENT');
});

test('a file that is not a recording is refused', async () => {
  file = join(file, '../../other.json');
  for (const text of ['not JSON', '{}', '{"answers":[{}]}']) {
    await writeFile(file, text);
    expect(() => tape()).toThrow('other.json');
  }
});
