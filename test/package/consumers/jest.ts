import { once } from 'node:events';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { isUpstreamError, multiGet } from 'express-mashup';

test('URLs are fetched', async () => {
  const server = http.createServer((_req, res) => res.setHeader('content-type', 'application/json').end('7'));
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  const [good, bad] = await multiGet([url, 'http://127.0.0.1:1/']);
  server.close();
  expect(good?.[1]).toBe(7);
  expect(isUpstreamError(bad?.[2].error)).toBe(true);
});
