import type { OutgoingHttpHeaders } from 'node:http';
import type { UpstreamOptions } from '../../src/index.js';
import { closeAll } from '../support/closing.js';
import { ask, startUpstream } from './ask.js';

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

  test('in another charset, by its label or its byte order mark', async () => {
    expect((await decoded('application/json; charset=latin1', latin1('{"a":"ø"}'))).data).toEqual({ a: 'ø' });
    expect((await decoded('application/json; charset=utf-16le', utf16le('{"a":"ø"}'))).data).toEqual({ a: 'ø' });
    expect((await decoded('application/json', utf16be('\ufeff{"a":"ø"}'))).data).toEqual({ a: 'ø' });
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

  test('that is not known is a BODY error', async () => {
    expect((await decoded('text/html', '<meta charset="klingon">')).error?.code).toBe('ERR_UPSTREAM_BODY');
  });
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
