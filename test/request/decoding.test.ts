import type { OutgoingHttpHeaders } from 'node:http';
import type { UpstreamOptions } from '../../src/index.js';
import { startUpstream } from '../support/backend.js';
import { closeAll } from '../support/closing.js';
import { ask } from '../support/site.js';

afterEach(closeAll);

/** What becomes of an answer. */
async function decoded(contentType: string | null, body: string | Buffer, options: Partial<UpstreamOptions> = {}) {
  const headers: OutgoingHttpHeaders = contentType === null ? {} : { 'content-type': contentType };
  const upstream = await startUpstream((response) => response.writeHead(200, headers).end(body));
  const { data, outcome } = await ask({ url: `${upstream.origin}/`, ...options });
  return { data, error: outcome.error };
}

const utf16le = (text: string) => Buffer.from(text, 'utf16le');
const utf16be = (text: string) => utf16le(text).swap16();
const latin1 = (text: string) => Buffer.from(text, 'latin1');
const shiftJis = Buffer.from([0x93, 0xfa, 0x96, 0x7b]); // 日本

describe('JSON', () => {
  test.each([
    'application/json',
    'application/json; charset=utf-8',
    'application/json;charset="UTF-8"',
    'APPLICATION/JSON',
    'text/json',
    'application/problem+json',
    'application/vnd.api+json; version=1',
    'application/geo+json',
  ])('%s is parsed', async (type) => {
    expect((await decoded(type, '{"a":"ø"}')).data).toEqual({ a: 'ø' });
  });

  test.each<[string, unknown]>([
    ['null', null],
    ['0', 0],
    ['false', false],
    ['"text"', 'text'],
    ['[1,2]', [1, 2]],
    [' {"a": 1}\n', { a: 1 }],
  ])('%p is %p', async (text, value) => {
    const { data, error } = await decoded('application/json', text);
    expect([data, error]).toEqual([value, null]);
  });

  test('a byte order mark is skipped', async () => {
    expect((await decoded('application/json', '\ufeff{"a":1}')).data).toEqual({ a: 1 });
  });

  test.each(['latin1', 'utf-16le', 'utf8mb4', 'binary', 'klingon', '"utf-8"', '"utf8mb4"', "'utf-8'", '', '""', '"'])(
    'is UTF-8 whatever charset is named: %s',
    async (charset) => {
      const { data, error } = await decoded(`application/json; charset=${charset}`, '\ufeff{"a":"ø"}');
      expect([data, error]).toEqual([{ a: 'ø' }, null]);
    },
  );

  test('is UTF-16 where its byte order mark says so', async () => {
    expect((await decoded('application/json', utf16be('\ufeff{"a":"ø"}'))).data).toEqual({ a: 'ø' });
  });

  test.each<[string, Buffer]>([
    ['text/plain', Buffer.from('{"a":"ø"}')],
    ['text/plain; charset=latin1', latin1('{"a":"ø"}')],
    ['text/plain; charset=utf8mb4', Buffer.from('{"a":"ø"}')],
    ['application/octet-stream', Buffer.from('{"a":"ø"}')],
  ])('where responseType says that it is JSON: %s', async (type, body) => {
    expect((await decoded(type, body, { responseType: 'json' })).data).toEqual({ a: 'ø' });
  });

  test('is not searched for what HTML says of its charset', async () => {
    const text = '{"a":"<meta charset=latin1>ø"}';
    expect((await decoded('text/html', text, { responseType: 'json' })).data).toEqual(JSON.parse(text));
  });

  test('a key __proto__ is an own one', async () => {
    const { data } = await decoded('application/json', '{"__proto__":{"admin":true}}');
    expect(Object.hasOwn(data as object, '__proto__')).toBe(true);
    expect((data as { admin?: boolean }).admin).toBeUndefined();
  });

  test.each(['{"a":', '<html>', '{a:1}', '{} {}', ' '])('that is not valid is a BODY error: %p', async (text) => {
    const { data, error } = await decoded('application/json', text);
    expect(data).toBeNull();
    expect(error).toMatchObject({
      code: 'ERR_UPSTREAM_BODY',
      upstreamStatus: 200,
      message: expect.stringMatching(/^upstream 'it': its body is not valid JSON \(GET http:\S+\)$/),
    });
    expect(error?.cause).toBeInstanceOf(SyntaxError);
  });
});

describe('text', () => {
  test.each([
    'text/plain',
    'text/html',
    'text/csv',
    'application/xml',
    'application/atom+xml',
    'image/svg+xml',
    'application/javascript',
    'application/x-www-form-urlencoded',
    'application/yaml',
    'application/x-unknown; charset=utf-8',
  ])('%s is a string', async (type) => expect((await decoded(type, 'Bjørn')).data).toBe('Bjørn'));

  test.each<[charset: string, bytes: Buffer, text: string]>([
    ['utf-8', Buffer.from('Bjørn'), 'Bjørn'],
    ['UTF8', Buffer.from('Bjørn'), 'Bjørn'],
    ['iso-8859-1', latin1('Bjørn'), 'Bjørn'],
    ['latin1', latin1('Bjørn'), 'Bjørn'],
    ['windows-1252', Buffer.from([0x80]), '€'],
    ['us-ascii', Buffer.from('Bjorn'), 'Bjorn'],
    ['iso-8859-15', Buffer.from([0xa4]), '€'],
    ['utf-16', utf16le('Bjørn'), 'Bjørn'],
    ['utf-16be', utf16be('Bjørn'), 'Bjørn'],
    ['shift_jis', shiftJis, '日本'],
    ['euc-jp', Buffer.from([0xc6, 0xfc, 0xcb, 0xdc]), '日本'],
    ['gb18030', Buffer.from([0xc8, 0xd5]), '日'],
    ['koi8-r', Buffer.from([0xc4, 0xc1]), 'да'],
  ])('in %s', async (charset, bytes, text) => {
    expect((await decoded(`text/plain; charset=${charset}`, bytes)).data).toBe(text);
    expect((await decoded(`text/plain; charset="${charset.toUpperCase()}"`, bytes)).data).toBe(text);
  });

  test('a byte order mark is skipped, and wins over the label', async () => {
    expect((await decoded('text/plain', '\ufeffx')).data).toBe('x');
    expect((await decoded('text/plain; charset=latin1', '\ufeffø')).data).toBe('ø');
    expect((await decoded('text/plain; charset=utf-8', utf16le('\ufeffø'))).data).toBe('ø');
  });

  test('bytes that the charset has no text for are replaced', async () => {
    expect((await decoded('text/plain', Buffer.from([0x61, 0xff, 0x62]))).data).toBe('a\ufffdb');
  });

  test.each(['klingon', 'utf-7', 'x'])('in the unknown charset %s is a BODY error', async (charset) => {
    const { data, error } = await decoded(`text/plain; charset=${charset}`, 'x');
    expect(data).toBeNull();
    expect(error).toMatchObject({
      code: 'ERR_UPSTREAM_BODY',
      message: expect.stringContaining('its charset is not known'),
    });
  });
});

describe('a charset that markup names itself', () => {
  const xml = (encoding: string) => `<?xml version="1.0" encoding="${encoding}"?><a>ø</a>`;

  test('in an XML declaration', async () => {
    expect((await decoded('application/xml', latin1(xml('ISO-8859-1')))).data).toBe(xml('ISO-8859-1'));
    expect((await decoded('image/svg+xml', latin1(xml('latin1').replaceAll('"', "'")))).data).toContain('ø');
  });

  test.each([
    '<meta charset="latin1">',
    '<META CHARSET=latin1 />',
    '<meta http-equiv="Content-Type" content="text/html; charset=latin1">',
  ])('in an HTML meta element: %s', async (meta) => {
    const html = `<!doctype html><head>${meta}</head>ø`;
    expect((await decoded('text/html', latin1(html))).data).toBe(html);
  });

  test('loses to the header', async () => {
    expect((await decoded('application/xml; charset=utf-8', xml('latin1'))).data).toContain('<a>ø</a>');
  });

  test('loses to a byte order mark', async () => {
    expect((await decoded('application/xml', `\ufeff${xml('latin1')}`)).data).toContain('<a>ø</a>');
  });

  test('utf-16 cannot be true of what could be read', async () => {
    expect((await decoded('application/xml', xml('utf-16'))).data).toBe(xml('utf-16'));
  });

  test('does not count beyond the first 1024 bytes, nor in plain text', async () => {
    expect((await decoded('text/html', `${' '.repeat(1024)}<meta charset="latin1">ø`)).data).toContain('>ø');
    expect((await decoded('text/plain', '<meta charset="latin1">ø')).data).toContain('>ø');
  });

  test('that is not known is a BODY error in XML', async () => {
    expect((await decoded('application/xml', xml('klingon'))).error?.code).toBe('ERR_UPSTREAM_BODY');
  });

  test.each([
    '<meta charset="klingon">ø',
    '<meta name="description" content="charset=utf8mb4">ø',
    '<meta name="description" content="text with charset=unicode">ø',
    '<!-- <meta charset="latin1"> -->ø',
    '<p title="<meta charset=latin1>">ø</p>',
  ])('does not count in HTML where it is none: %s', async (html) => {
    expect((await decoded('text/html', html)).data).toBe(html);
  });

  test.each(['klingon', 'utf8mb4', '"utf8mb4"', "'utf-8'", ''])(
    'is read where the header has none: %s',
    async (charset) => {
      const html = '<meta charset="latin1">ø';
      const { data, error } = await decoded(`text/html;charset=${charset}`, latin1(html));
      expect([data, error]).toEqual([html, null]);
    },
  );

  test('stands in the header without a blank', async () => {
    const { data } = await decoded('text/html;charset=windows-1251', Buffer.from([0xcf]));
    expect(data).toBe('П');
  });
});

describe('a Content-Type that comes twice', () => {
  const read = async (types: string | string[], body: string | Buffer) => {
    const upstream = await startUpstream((response) => response.writeHead(200, { 'content-type': types }).end(body));
    return await ask(`${upstream.origin}/`);
  };

  test.each<[string, string | string[]]>([
    ['in two headers', ['application/json', 'application/json']],
    ['joined by a proxy', 'application/json, application/json'],
    ['joined without a blank', 'application/json,application/json'],
    ['with parameters', ['application/json; charset=utf-8', 'application/json; charset=utf-8']],
    ['one with parameters', 'application/json; charset=utf-8, application/json'],
    ['in other case', ['Application/JSON', 'application/json']],
    ['three times', Array(3).fill('application/json')],
    ['after one that is none', ['*/*', 'application/json']],
    ['before one that is none', ['application/json', 'nonsense', '*/*', '']],
    ['after another, which loses', ['text/html', 'application/json']],
  ])('counts once: %s', async (_, types) => {
    const { data, outcome } = await read(types, '{"a":1}');
    expect([data, outcome.status]).toEqual([{ a: 1 }, 'success']);
  });

  test.each<[string, string | string[], string]>([
    ['the charset of an equal type counts', ['text/plain; charset=latin1', 'text/plain'], 'ø'],
    ['the last charset of equal types counts', ['text/plain; charset=utf-8', 'text/plain;charset=latin1'], 'ø'],
    ['the charset of another type does not', ['text/csv; charset=latin1', 'text/plain'], '\ufffd'],
    ['a comma in quotes is none', 'text/plain; x="a, text/csv"; charset=latin1', 'ø'],
    ['an escaped quote is none', 'text/plain; x="\\", text/csv"; charset=latin1', 'ø'],
  ])('as fetch has it: %s', async (_, types, text) => {
    expect((await read(types, latin1('ø'))).data).toBe(text);
  });

  test('is shown once in the outcome', async () => {
    const headers = { 'content-type': ['text/plain', 'text/plain'], 'x-other': ['a', 'a'], etag: ['"a"', '"b"'] };
    const upstream = await startUpstream((response) => response.writeHead(200, headers as never).end('x'));
    const { outcome } = await ask(`${upstream.origin}/`);
    expect(outcome.response?.headers).toMatchObject({
      'content-type': 'text/plain',
      'x-other': 'a, a',
      etag: '"a", "b"',
    });
  });

  test.each(['"'.repeat(8000), ','.repeat(8000), `text/plain${';'.repeat(8000)}`, `a${' '.repeat(8000)}b`])(
    'is read in no time, however odd',
    async (type) => {
      const { outcome } = await read([type, 'text/plain'], 'x');
      expect(outcome.data).toBe('x');
    },
  );
});

describe('anything else is a Buffer', () => {
  test.each([null, 'application/octet-stream', 'image/png', 'application/pdf', 'nonsense', 'a/b/c'])(
    'of the content type %p',
    async (type) => {
      const bytes = Buffer.from([0, 0xff, 0x7b, 0x7d]);
      const { data } = await decoded(type, bytes);
      expect(Buffer.isBuffer(data) && data.equals(bytes)).toBe(true);
    },
  );
});
