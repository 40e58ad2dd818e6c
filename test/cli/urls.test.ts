import { withScheme } from '../../src/cli/urls.js';

test.each([
  ['example.com', 'https://example.com'],
  ['example.com/a?b=1#c', 'https://example.com/a?b=1#c'],
  ['api.example.com:8443/x', 'https://api.example.com:8443/x'],
  ['localhost', 'http://localhost'],
  ['localhost:3000', 'http://localhost:3000'],
  ['app.localhost:3000/a', 'http://app.localhost:3000/a'],
  ['127.0.0.1:80/', 'http://127.0.0.1:80/'],
  ['[::1]:3000', 'http://[::1]:3000'],
  ['[2001:db8::1]/a', 'https://[2001:db8::1]/a'],
  ['intranet:8080', 'https://intranet:8080'],
  ['http://example.com', 'http://example.com'],
  ['HTTPS://example.com', 'HTTPS://example.com'],
  ['ftp://example.com', 'ftp://example.com'],
  ['mailto:a@example.com', 'mailto:a@example.com'],
  ['/a', '/a'],
  ['a', 'a'],
  ['', ''],
  ['javascript:1', 'https://javascript:1'],
])('%j is meant as %j', (given, meant) => {
  expect(withScheme(given)).toBe(meant);
});
