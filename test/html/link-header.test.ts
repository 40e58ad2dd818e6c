import fc from 'fast-check';
import { parseLinks } from '../../src/html/link-header.js';

const read = (header: string) =>
  parseLinks(header).map(({ target, rels, parameters }) => [target, rels.join(' '), Object.fromEntries(parameters)]);

test.each<[string, unknown[]]>([
  ['</a.css>; rel=stylesheet', [['/a.css', 'stylesheet', { rel: 'stylesheet' }]]],
  [
    '<a>;REL="Preload  Stylesheet" ; as = style',
    [['a', 'preload stylesheet', { rel: 'Preload  Stylesheet', as: 'style' }]],
  ],
  [
    '<a,b;c>; rel="x"; title="a, <b>; \\"c\\"", ,<d>;rel=y;rel=z;crossorigin',
    [
      ['a,b;c', 'x', { rel: 'x', title: 'a, <b>; "c"' }],
      ['d', 'y', { rel: 'y', crossorigin: '' }],
    ],
  ],
  ['<a>', [['a', '', {}]]],
  ['<a>; rel=', [['a', '', { rel: '' }]]],
  ['', []],
  ['a; rel=x', []],
  ['<a', []],
  ['<a>; rel="x', [['a', '', { rel: '' }]]],
  ['<a> b, <c>; rel=x', [['a', '', {}]]],
])('reads %j', (header, expected) => {
  expect(read(header)).toEqual(expected);
});

test('ends with any header', () => {
  const piece = fc.constantFrom('<', '>', ';', ',', '"', '\\', ' ', '=', 'rel', 'a', '<a>', '; rel=x', '\t');
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 60 }), (pieces) => {
      for (const { target } of parseLinks(pieces.join(''))) expect(target).not.toContain('>');
    }),
  );
  const began = process.cpuUsage().user;
  for (const hostile of ['<a>;', '<a>;a="\\', ' ', '<', '<a>; rel="', ',']) parseLinks(hostile.repeat(100_000));
  expect(process.cpuUsage().user - began).toBeLessThan(5_000_000);
});
