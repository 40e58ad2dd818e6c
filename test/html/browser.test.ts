import express, { type RequestHandler } from 'express';
import fc from 'fast-check';
import { fillerHash, html, late, raw, send } from '../../src/html/index.js';
import { compile } from '../../src/html/template.js';
import { describeWith } from '../setup/tools.js';
import { startBrowser, type Tab } from '../support/browser.js';
import { closeAll } from '../support/closing.js';
import { deferred } from '../support/deferred.js';
import { site } from './reader.js';

afterEach(closeAll);

const without = '--disable-blink-features=DocumentPatching,HTMLProcessingInstruction';

/** A browser that fills in what is late itself, and one that does not. */
const worlds: [name: string, flags: string[], isNative: boolean, policy: string][] = [
  ['a browser that fills it in itself, without scripts', [], true, "default-src 'none'"],
  ['a browser that fills it in itself', [], true, `default-src 'none'; script-src ${fillerHash}`],
  ['another browser, by the hash of the script', [without], false, `default-src 'none'; script-src ${fillerHash}`],
  ['another browser, by a nonce', [without], false, "default-src 'none'; script-src 'nonce-abc'"],
];

describeWith('chromium', 'what is late', (program) => {
  describe.each(worlds)('in %s', (name, flags, isNative, policy) => {
    const nonce = policy.includes('nonce') ? 'abc' : undefined;

    async function open(page: (res: Parameters<RequestHandler>[1]) => void): Promise<Tab> {
      const url = await site(express, (_req, res) => {
        res.set('Content-Security-Policy', policy);
        page(res);
      });
      const tab = await (await startBrowser(program, ...flags)).open();
      if (name.includes('without scripts')) await tab.send('Emulation.setScriptExecutionDisabled', { value: true });
      expect(await tab.evaluate("'htmlFor' in HTMLTemplateElement.prototype")).toBe(isNative);
      await tab.go(url);
      return tab;
    }

    test('is filled in when it comes, in whatever order, without a message', async () => {
      const [first, second, third] = [deferred<string[]>(), deferred<string[]>(), deferred<string[]>()];
      const inner = deferred<string>();
      const tab = await open((res) =>
        send(
          res,
          html`<!doctype html><html lang="en"><head><title>t</title></head><body>
<section>${late(first.promise, { wait: html`<p>wait 1</p>`, ok: (rows) => rows.map((row) => html`<p>${row}</p>`) })}</section>
<table><tbody><tr><td>0</td></tr>${late(second.promise, { wait: html`<tr><td>wait 2</td></tr>`, ok: (rows) => rows.map((row) => html`<tr><td>${row}</td></tr>`) })}</tbody></table>
<select>${late(third.promise, { wait: html`<option>wait 3</option>`, ok: (rows) => rows.map((row) => html`<option>${row}</option>`) })}</select>
<div>${late(Promise.resolve(), { ok: () => html`<b>outer ${late(inner.promise, { wait: 'wait 4', ok: (text) => html`<i>${text}</i>` })}</b>` })}</div>
</body></html>`,
          { nonce },
        ),
      );
      await tab.until("document.body?.innerText.includes('outer wait 4') ?? false");
      expect(await tab.text('section')).toBe('wait 1');
      expect(await tab.text('tbody')).toBe('0\nwait 2');
      third.resolve(['c', '<script>']);
      await tab.until("document.querySelector('select').innerText.includes('c')");
      expect(await tab.evaluate("[...document.querySelectorAll('option')].map((option) => option.value)")).toEqual([
        'c',
        '<script>',
      ]);
      expect(await tab.text('section')).toBe('wait 1');
      inner.resolve('inner');
      await tab.until("document.querySelector('div').innerText === 'outer inner'");
      second.resolve(['<b>', '2']);
      await tab.until("document.querySelector('tbody').innerText === '0\\n<b>\\n2'");
      first.resolve(['1']);
      await tab.loaded();
      expect(await tab.text('section')).toBe('1');
      expect(await tab.evaluate("document.querySelectorAll('template').length")).toBe(0);
      expect(await tab.html()).not.toContain('wait');
      expect(tab.messages).toEqual([]);
    });

    test('cannot be filled in by the HTML of an upstream', async () => {
      const value = deferred<string>();
      const hostile = '<template for="m0">x</template><template for="0">x</template><wbr><?end><?start name="m0">';
      const tab = await open((res) =>
        send(
          res,
          html`<body><section>${raw(hostile)}</section><main>${late(value.promise, { wait: 'wait', ok: (text) => text })}</main></body>`,
          { nonce },
        ),
      );
      await tab.until("document.querySelector('main')?.innerText === 'wait'");
      value.resolve('right');
      await tab.loaded();
      expect(await tab.text('main')).toBe('right');
    });
  });
});

// Each calls hit() if it gets to be more than a value.
const hostile = [
  '<script>hit()</script>',
  '</script><script>hit()</script>',
  '"><script>hit()</script>',
  "'><script>hit()</script>",
  '" onmouseover="hit()" x="',
  "' onclick='hit()' x='",
  '` onclick=hit() `',
  ' onclick=hit() ',
  '"><img src=x onerror=hit()>',
  '<img src=x onerror=hit()>',
  '<svg onload=hit()>',
  '<svg><script>hit()</script></svg>',
  '<details open ontoggle=hit()>',
  '<iframe srcdoc="<script>parent.hit()</script>">',
  '<math><mtext><table><mglyph><style><img src=x onerror=hit()>',
  '--><script>hit()</script><!--',
  '--!><script>hit()</script>',
  ']]><script>hit()</script>',
  '</title><script>hit()</script>',
  '</textarea><script>hit()</script>',
  '</style><script>hit()</script>',
  '</template><script>hit()</script><template>',
  '</select><script>hit()</script>',
  '<?end><script>hit()</script>',
  '<template for="m"><script>hit()</script></template>',
  '&lt;script&gt;hit()&lt;/script&gt;',
  '&#60;script&#62;hit()&#60;/script&#62;',
  '&quot; onclick=&quot;hit()',
  '&amp;lt;b&amp;gt;',
  '&',
  '&#',
  '&lt',
  'javascript:hit()',
  ' javascript:hit()',
  'JAVASCRIPT:hit()',
  'java\tscript:hit()',
  'java\nscript:hit()',
  '\u0001javascript:hit()',
  'javascript&colon;hit()',
  'javascript&#58;hit()',
  '&#106;avascript:hit()',
  'javascript://example.com/%0Ahit()',
  'data:text/html,<script>parent.hit()</script>',
  'data:image/svg+xml,<svg xmlns="http://www.w3.org/2000/svg" onload="parent.hit()"/>',
  'vbscript:hit()',
  'https://example.invalid/" onclick="hit()',
  '\u2028<script>hit()</script>',
  '\ud800<script>hit()</script>',
  '+ADw-script+AD4-hit()+ADw-/script+AD4-',
  '<\u0000script>hit()</script>',
  '{{constructor.constructor("hit()")()}}',
];

describeWith('chromium', 'hostile strings', (program) => {
  test('run nothing and break out of nothing, in text, attributes and URLs, whether late or not', async () => {
    const item = (
      text: string,
    ) => html`<li title="${text}" class='a ${text} b' data-x="${text}"><a href="${text}">${text}</a><a href='${text.slice(0, 6)}${text.slice(6)}'>2</a>
<img alt="${text}"><form action="${text}"><button formaction="${text}" value="${text}">3</button></form><svg><a xlink:href="${text}"><text>${text}</text></a></svg>
<iframe src="${text}" title="${text}"></iframe><textarea>${text}</textarea><input value="${text}"></li>`;
    const url = await site(express, (_req, res) =>
      send(
        res,
        html`<!doctype html><html><head><title>${hostile.join('')}</title><script>var hits = 0; function hit() { hits++ }</script></head>
<body><ul>${hostile.map(item)}</ul><ol>${late(Promise.resolve(), { wait: hostile, ok: () => hostile.map(item) })}</ol></body></html>`,
      ),
    );
    const tab = await (await startBrowser(program)).open();
    await tab.go(url);
    await tab.loaded();
    for (const list of ['ul', 'ol']) {
      const found = await tab.evaluate<
        [string, string, string, string[]][]
      >(`[...document.querySelectorAll('${list} > li')].map(
        (li) => [li.title, li.querySelector('a').textContent, li.querySelector('input').value, [...li.querySelectorAll('*')].map((e) => e.nodeName)])`);
      expect(found).toHaveLength(hostile.length);
      const elements = found[0]?.[3];
      // The parser makes U+FFFD of what is no character.
      const read = (text: string) => Buffer.from(text).toString().replaceAll('\0', '\ufffd');
      for (const [at, text] of hostile.entries()) {
        expect(found[at]).toEqual([
          read(text),
          Buffer.from(text).toString().replaceAll('\0', ''),
          read(text).replaceAll('\n', ''),
          elements,
        ]);
      }
    }
    // Handlers would run, wherever they came from; the page must only not be left.
    await tab.evaluate(`document.addEventListener('click', (event) => event.preventDefault(), true);
      for (const type of ['click', 'mouseover', 'load', 'error', 'toggle', 'focus']) {
        for (const element of document.querySelectorAll('li *')) element.dispatchEvent(new Event(type, { cancelable: true }));
      }`);
    expect(await tab.evaluate('hits')).toBe(0);
    const schemes = await tab.evaluate<string[]>(
      "[...document.querySelectorAll('a, form, iframe')].flatMap((e) => [e.protocol, e.action, e.src]).filter((url) => typeof url === 'string')",
    );
    expect(schemes.filter((url) => /^\s*(?:javascript|vbscript|data):/i.test(url))).toEqual([]);
  });
});

describeWith('chromium', 'templates made at random', (program) => {
  const pieces = [
    ...[
      '<',
      '</',
      '>',
      '/>',
      '"',
      "'",
      '=',
      ' ',
      '\n',
      '/',
      '!',
      '-',
      '<!--',
      '-->',
      '--!>',
      '<!',
      '<?',
      '&',
      '`',
      ']]>',
      '<!-->',
    ],
    ...[
      'p',
      'script',
      'title',
      'textarea',
      'template',
      'select',
      'table',
      'td',
      'iframe',
      'href',
      'on',
      'text',
      '•',
      '•',
      '•',
    ],
    ...[
      '<p>',
      '</p>',
      '<p ',
      '<a href="',
      ' class="•"',
      " x='•'",
      " y='a •",
      ' z = "•',
      '<svg>',
      '</svg>',
      '<b title="',
    ],
    ...[
      '<title>',
      '</title>',
      '<script>',
      '</script>',
      '<textarea>',
      '</textarea>',
      '<style>',
      '</style>',
      '<i a=1>',
      '<i a=1/>',
    ],
  ];
  const values = [
    '"',
    "'",
    '<b c="d">',
    '</p>',
    '</title>',
    '</textarea>',
    '</script>',
    '-->',
    ' e=f ',
    '>',
    '/>',
    '`',
    '\n',
    '=g',
    '&quot;',
    '</',
    '<!--',
  ];
  const template = fc
    .array(fc.constantFrom(...pieces), { minLength: 1, maxLength: 12 })
    .map((list) => list.join('').split('•'));

  test('have the same elements and attributes whatever the values are, unless they are refused', async () => {
    const accepted: string[][] = [];
    for (const strings of fc.sample(template, { numRuns: 60_000, seed: 1 })) {
      try {
        compile(strings);
      } catch (problem) {
        expect((problem as Error).message).toMatch(/^html: /);
        continue;
      }
      if (strings.length > 1) accepted.push(strings);
    }
    expect(accepted.length).toBeGreaterThan(10_000);
    const print = (strings: string[], value: string) =>
      String(html(Object.assign([...strings], { raw: strings }), ...Array(strings.length - 1).fill(value)));
    const some = (at: number) => [0, 5, 11].map((more) => values[(at + more) % values.length] ?? '');
    const printed = accepted.map((strings, at) => ['v', ...some(at)].map((value) => print(strings, value)));
    const tab = await (await startBrowser(program)).open();
    const different = await tab.evaluate<number[]>(`(() => {
      const parser = new DOMParser();
      const shape = (node) => [...node.childNodes].map((child) => child.nodeType === 3 ? '' :
        child.nodeName + [...child.attributes ?? []].map(({ name }) => ' ' + name) + '(' + shape(child.content ?? child) + ')').join('');
      const read = (markup) => shape(parser.parseFromString('<!doctype html><body>' + markup + '<hr>', 'text/html'));
      return ${JSON.stringify(printed)}.flatMap((texts, at) => new Set(texts.map(read)).size === 1 ? [] : [at]);
    })()`);
    expect(different.map((at) => [accepted[at]?.join('•'), printed[at]])).toEqual([]);
  });
});
