import { once } from 'node:events';
import { createServer } from 'node:http';
import { MashupInstance } from '../instance.js';
import { multiGetOn } from '../multi-get.js';

const TIMES = 5;

/** Asks a server of its own a few times: otherwise the figures would be those of a program that has just started. */
export async function warmUp(): Promise<void> {
  const server = createServer((_req, res) => res.setHeader('content-type', 'application/json').end('{}'));
  const instance = new MashupInstance();
  try {
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as { port: number };
    const url = `http://127.0.0.1:${port}/`;
    const multiGet = multiGetOn(instance);
    for (let time = 0; time < TIMES; time++) await multiGet([url, `${url}?2`], { responseType: 'arraybuffer' });
  } catch {
    // Then it has not been warmed up.
  } finally {
    await instance.close();
    server.close();
  }
}
