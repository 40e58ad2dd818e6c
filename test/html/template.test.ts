import { compile } from '../../src/html/template.js';

/** Compiles `a${0}b${1}c`, written with a bullet for each hole. */
const read = (template: string) => compile(template.split('•'));
const kinds = (template: string) => read(template).holes.map(({ kind }) => kind);

describe('a hole', () => {
  test.each([
    ['<p>•</p>', ['text']],
    ['•', ['text']],
    ['<p>a < • > b</p>', ['text']],
    ['<!doctype html><html lang="•">', ['attribute']],
    ['<p class="•">', ['attribute']],
    ["<p class='•'>", ['attribute']],
    ['<p class = "•" id="•">•', ['attribute', 'attribute', 'text']],
    ['<p\nclass\n=\n"a • b •">', ['part', 'part']],
    ['<p class="•" >•<b title="x•">', ['attribute', 'text', 'part']],
    ['<title>• of •</title>•', ['plain', 'plain', 'text']],
    ['<textarea name="•">•</textarea>', ['attribute', 'plain']],
    ['<script>if (a < b) "</p>"</script>•', ['text']],
    ['<style>p > a { color: red }</style >•', ['text']],
    ['<script></scripty></script>•', ['text']],
    ['<!-- <p --> •', ['text']],
    ['<!-->•', ['text']],
    ['<!--->•', ['text']],
    ['<!----!>•', ['text']],
    ['<?start name="x">•<?end>', ['text']],
    ['</ p "> •', ['text']],
    ['<a/href="•"/>•', ['attribute', 'text']],
    ['<input disabled value="•">', ['attribute']],
    ['<p =x="•">', ['attribute']],
    ['<p a=b>•', ['text']],
    ['<p a= >•', ['text']],
    ['<p a=b/>•', ['text']],
    ['<svg viewBox="•"><path d="M •"/></svg>', ['attribute', 'part']],
    ['<a href="/x?a=•&b=•">', ['part', 'part']],
  ])('in %s is %j', (template, expected) => {
    expect(kinds(template)).toEqual(expected);
  });

  test.each([
    ['<p class=•>', `a value in class without quotes cannot be made safe by escaping: write class="\${value}"`],
    ['<p class=a•>', 'in class without quotes'],
    ['<p class= •>', 'in class without quotes'],
    ['<p •>', 'in a tag, outside of a value'],
    ['<p a•="1">', 'in a tag, outside of a value'],
    ['<p a •>', 'in a tag, outside of a value'],
    ['<p a="1"•>', 'in a tag, outside of a value'],
    ['<p•>', 'in a tag, outside of a value'],
    ['<•>', 'as the name of an element'],
    ['</•>', 'as the name of an element'],
    ['<!•>', 'as the name of an element'],
    ['<script>•</script>', 'inside <script>'],
    ['<SCRIPT>a•</SCRIPT>', 'inside <script>'],
    ['<script src="•">•</script>', 'inside <script>'],
    ['<script>"</scripty>•"</script>', 'inside <script>'],
    ['<style>•</style>', 'inside <style>'],
    ['<iframe>•</iframe>', 'inside <iframe>'],
    ['<p onclick="•">', 'in the event handler onclick'],
    ["<p ONCLICK='a(•)'>", 'in the event handler onclick'],
    ['<iframe srcdoc="•">', 'in srcdoc'],
    ['<p style="color: •">', 'in style'],
    ['<set to="•">', 'in to of <set>'],
    ['<animate values="a;•">', 'in values of <animate>'],
    ['<!-- • -->', 'in a comment'],
    ['<!doctype •>', 'in a comment'],
    ['</ •>', 'in a comment'],
    ['<?pi •>', 'in a comment'],
    ['<a href="javascript:•">', 'in href, in a URL of that scheme,'],
    ['<a href=" jAvaScript:f(\'•\')">', 'in href, in a URL of that scheme,'],
    ['<a href="data:text/html,•">', 'in href, in a URL of that scheme,'],
    ['<a href="java&#115;cript•">', 'begins with a character reference'],
    ['<p title="•', 'a template ends inside a tag: it must be whole'],
    ['•<p', 'a template ends inside a tag'],
    ['<p a=', 'a template ends inside a tag'],
    ['<script>', 'a template ends inside <script>'],
    ['<title>•', 'a template ends inside <title>'],
    ['<!-- ', 'a template ends in a comment'],
    ['<title><b>•</b></title>', '"<" in the text of <title> is not read'],
    ['<textarea><!--</textarea><script>•', '"<" in the text of <textarea> is not read'],
    ['<script><!--<script></script>•</script>', '"<" in the text of <script> is not read'],
    ['<svg><![CDATA[•]]></svg>', 'CDATA is not read'],
  ])('in %s is refused', (template, message) => {
    expect(() => read(template)).toThrow(TypeError);
    expect(() => read(template)).toThrow(message);
  });

  test('that is a whole attribute takes its name and its quotes with it', () => {
    const { literals, holes } = read('<a  href="•" class=\'•\'\n id = "•">x</a>');
    expect(literals).toEqual(['<a', '', '', '>x</a>']);
    expect(holes.map((hole) => (hole.kind === 'attribute' ? hole.open : null))).toEqual([
      '  href="',
      " class='",
      '\n id = "',
    ]);
  });

  test.each([
    ['<a href="•">', true],
    ['<img src="••x">', true],
    ['<a href="java•">', true],
    ['<a xlink:href="•">', true],
    ['<button formaction="•">', true],
    ['<a href="/•">', false],
    ['<a href="?q=•">', false],
    ['<a href="https://•">', false],
    ['<a href="mailto:•">', false],
    ['<img src="data:image/png;base64,•">', false],
    ['<p title="•">', false],
  ])('whose scheme may be chosen by values is looked at: %s, %p', (template, expected) => {
    const [hole] = read(template).holes;
    expect(hole?.kind === 'part' || hole?.kind === 'attribute' ? hole.url !== null : null).toBe(expected);
  });
});
