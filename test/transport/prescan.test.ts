import { declaredEncoding, prescan } from '../../src/answer/prescan.js';

function encodingOf(label: string): string | null {
  try {
    return new TextDecoder(label).encoding;
  } catch {
    return null;
  }
}

const scan = (html: string) => prescan(html, encodingOf);
const meta = '<meta charset=koi8-r>';

describe('the charset of HTML', () => {
  test.each([
    '<meta charset=koi8-r>',
    '<meta charset="koi8-r">',
    "<META CHARSET='KOI8-R'>",
    '<meta/charset=koi8-r>',
    '<meta\ncharset\t=\f"koi8-r"/>',
    '<meta charset=" koi8-r ">',
    '<meta name=x charset=koi8-r>',
    '<meta charset=koi8-r charset=utf-8>',
    '<meta http-equiv=content-type content="text/html; charset=koi8-r">',
    '<meta content="text/html;charset=koi8-r" http-equiv="Content-Type">',
    '<meta http-equiv=content-type content="charset charset = \'koi8-r\'">',
    '<meta http-equiv=content-type content="charset=koi8-r;x">',
    '<meta http-equiv=content-type content="text/html; charset=utf-8" charset=koi8-r>',
    `<!doctype html><html lang=en><head>${meta}`,
    `<!-- a -->${meta}`,
    `<!-->${meta}`,
    `<!--->${meta}`,
    `<p title=">">${meta}`,
    `<p title='>' hidden>${meta}`,
    `</p x>${meta}`,
    `</ x>${meta}`,
    `<?php echo "a" ?>${meta}`,
    `a < b ${meta}`,
    `<meta charset=klingon>${meta}`,
    `<meta charset>${meta}`,
    `<meta name=description content="charset=utf-8">${meta}`,
    `<metas charset=utf-8>${meta}`,
    `<?xml version="1.0" encoding="utf-8"?>${meta}`,
    `<meta http-equiv=refresh content="0;charset=utf-8">${meta}`,
  ])('is read: %s', (html) => expect(scan(html)).toBe('koi8-r'));

  test.each([
    '',
    'charset=koi8-r',
    '<p charset=koi8-r>',
    '<meta name=charset content=koi8-r>',
    '<meta content="text/html; charset=koi8-r">',
    '<meta http-equiv=content-type content="koi8-r">',
    "<meta http-equiv=content-type content='charset=\"koi8-r'>",
    '<meta http-equiv=content-type content="charset=">',
    '<meta charset=klingon>',
    '<meta charset="koi8-r',
    '<meta charset=koi8-r',
    '<meta charset=klingon http-equiv=content-type content="charset=koi8-r">',
    `<!-- ${meta}`,
    `<!-- > ${meta} -->`,
    `<p title="${meta}">`,
    `<script data-x='${meta}'>`,
    '<?xml version="1.0"?>',
    ' <?xml version="1.0" encoding="koi8-r"?>',
    '<?xml version="1.0" encoding="koi8-r"',
    '<?xml version="1.0" encoding=koi8-r?>',
  ])('is not there: %s', (html) => expect(scan(html)).toBeNull());

  test('is not UTF-16, for it could be read', () => {
    for (const label of ['utf-16', 'utf-16be', 'unicode', 'csunicode'])
      expect(scan(`<meta charset=${label}>`)).toBe('utf-8');
  });

  test('is windows-1252 where it is said to be the user’s', () => {
    expect(scan('<meta charset=x-user-defined>')).toBe('windows-1252');
  });

  test('is that of an XML declaration where there is no other', () => {
    expect(scan('<?xml version="1.0" encoding="koi8-r"?><p>')).toBe('koi8-r');
    expect(scan("<?xml encoding = 'koi8-r' ?>")).toBe('koi8-r');
    expect(scan('<?xml encoding="klingon"?>')).toBeNull();
  });

  test('is UTF-16 where its declaration has two bytes a character', () => {
    expect(scan('<\0?\0x\0m\0l\0')).toBe('utf-16le');
    expect(scan('\0<\0?\0x\0m\0l')).toBe('utf-16be');
  });

  test('is looked for in linear time', () => {
    const pieces = [
      '<',
      '<!--',
      '<meta ',
      '<meta charset',
      '<a a=',
      "<a '",
      '</',
      '<?xml encoding',
      '<meta content="charset',
    ];
    for (const piece of pieces) expect(scan(piece.repeat(100_000))).toBeNull();
  });
});

describe('the charset of XML', () => {
  test.each<[string, string | null]>([
    ['<?xml version="1.0" encoding="ISO-8859-2"?><a/>', 'iso-8859-2'],
    ["<?xml version='1.0'\n encoding\t=\r\n'koi8-r' standalone='yes'?>", 'koi8-r'],
    ['<?xml version="1.0" encoding="UTF-16"?>', 'utf-8'],
    ['<?xml version="1.0" encoding="klingon"?>', 'klingon'],
    ['<?xml version="1.0"?><a encoding="koi8-r"/>', null],
    ['\n<?xml version="1.0" encoding="koi8-r"?>', null],
    ['<meta charset=koi8-r>', null],
    ['', null],
  ])('%j: %p', (xml, encoding) => expect(declaredEncoding(xml, encodingOf)).toBe(encoding));
});
