import { html, late, raw } from '../../src/html/index.js';

const text = (page: { toString(): string }) => String(page);
const anything = (value: unknown) => value as string;

describe('html', () => {
  test('escapes values in text and in attributes', () => {
    const value = `<b>&"'`;
    expect(text(html`<p title="${value}" class='a ${value}'>${value}</p>`)).toBe(
      `<p title="&lt;b&gt;&amp;&quot;&#39;" class='a &lt;b&gt;&amp;&quot;&#39;'>&lt;b&gt;&amp;&quot;&#39;</p>`,
    );
  });

  test('does not escape templates and raw() again, and prints arrays one after the other', () => {
    const rows = ['<', '>'].map((value) => html`<li>${value}</li>`);
    expect(text(html`<ul>${rows}</ul>${raw('<hr>')}${[['a', ['b']], 1]}`)).toBe(
      '<ul><li>&lt;</li><li>&gt;</li></ul><hr>ab1',
    );
  });

  test('prints nothing for null, undefined, true and false, and numbers as they are', () => {
    expect(text(html`[${null}${undefined}${false}${true}${''}${0}${1n}${-0.5}]`)).toBe('[01-0.5]');
  });

  test('leaves an attribute out whose whole value is null, undefined or false', () => {
    const option = (selected: boolean | null | undefined) => text(html`<option selected="${selected}" value="${0}">`);
    expect(option(true)).toBe('<option selected="true" value="0">');
    for (const none of [false, null, undefined]) expect(option(none)).toBe('<option value="0">');
    expect(text(html`<p class="a ${null}" title="${''}">`)).toBe('<p class="a " title="">');
  });

  test('prints arrays in an attribute with blanks between', () => {
    expect(text(html`<p class="${['a', null, 'b"', ['c']]}">`)).toBe('<p class="a  b&quot; ">');
  });

  test.each([
    ['javascript:alert(1)'],
    ['JaVaScRiPt:alert(1)'],
    [' \n\tjavascript:alert(1)'],
    ['java\nscript:alert(1)'],
    ['java\tscript\r:alert(1)'],
    ['\u0000javascript:alert(1)'],
    ['vbscript:x'],
    ['data:text/html,<script>alert(1)</script>'],
    ['data:image/svg+xml,<svg onload=alert(1)>'],
    ['DATA:,x'],
  ])('does not print the URL %j', (url) => {
    expect(text(html`<a href="${url}">`)).toBe('<a href="about:invalid">');
    expect(text(html`<a href="${url.slice(0, 3)}${url.slice(3)}">`)).toMatch(/^<a href="about:invalid/);
    expect(text(html`<a href="${url}?x">`)).toMatch(/^<a href="about:invalid\?x">/);
  });

  test.each([
    ['https://example.com/?a=1&b="'],
    ['HTTP://example.com'],
    ['/javascript:x'],
    ['?javascript:x'],
    ['./a:b'],
    ['mailto:a@example.com'],
    ['tel:1'],
    ['data:image/png;base64,AAAA'],
    ['#javascript:'],
    [''],
  ])('prints the URL %j', (url) => {
    expect(text(html`<a href="${url}">`)).toBe(`<a href="${url.replace('&', '&amp;').replace('"', '&quot;')}">`);
  });

  test('takes a URL by raw() as it is', () => {
    expect(text(html`<a href="${raw('javascript:void 0')}">`)).toBe('<a href="javascript:void 0">');
  });

  test('prints whatever an upstream sends', () => {
    let nested: unknown = ['x'];
    for (let depth = 0; depth < 200_000; depth++) nested = [nested];
    expect(text(html`${anything(nested)}`)).toBe('x');
    expect(text(html`<p class="${anything(nested)}">`)).toBe('<p class="">');
    const hostile = [
      { toString: 1 },
      JSON.parse('{ "then": 1 }'),
      Object.create(null),
      { toString: () => '<' },
      Symbol('<'),
    ];
    expect(text(html`${anything(hostile)}`)).toBe('[object Object][object Object][object Object]&lt;Symbol(&lt;)');
    for (const value of hostile) expect(text(html`<p title="${anything(value)}">`)).toMatch(/^<p title="[^"<]*">$/);
  });

  test('prints titles and text areas as text', () => {
    expect(text(html`<title>${'</title>'} ${html`of ${'&'}`}${['a']}</title>`)).toBe(
      '<title>&lt;/title&gt; of &amp;a</title>',
    );
    expect(() => text(html`<title>${late(Promise.resolve(1), { ok: () => '' })}</title>`)).toThrow(
      'late() cannot stand in <title>',
    );
  });

  test('refuses a template as the value of an attribute', () => {
    expect(() => text(html`<p title="${html`a`}">`)).toThrow('a template cannot be the value of an attribute');
  });

  test('refuses an unsafe hole at its first use, and says what to do', () => {
    expect(() => html`<p class=${'a'}>`).toThrow(
      `html: a value in class without quotes cannot be made safe by escaping: write class="\${value}"`,
    );
  });

  test('is no text where something has to be waited for', () => {
    expect(() => text(html`${Promise.resolve('a')}`)).toThrow('send() it');
    expect(() => text(html`${late(Promise.resolve('a'), { ok: (value) => value })}`)).toThrow('send() it');
  });

  test('handles the rejections of promises that are never printed', async () => {
    html`${Promise.reject(new Error('a'))}${[Promise.reject(new Error('b'))]}`;
    late(Promise.reject(new Error('c')), { ok: () => '' });
    await new Promise((resolve) => setImmediate(resolve));
  });

  test('can be printed more than once', () => {
    const item = html`<i class="${'x'}">${1}</i>`;
    expect(text(html`${item}${item}`)).toBe('<i class="x">1</i><i class="x">1</i>');
  });
});
