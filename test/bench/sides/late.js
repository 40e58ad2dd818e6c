// The process on the first core for the table `late`: a page of fragments, of which the last is slow and filled in later.
import { once } from 'node:events';
import { createServer } from 'node:http';
import express from 'express';
import { answer, config, cpu } from '../lib/child.js';

const { urls, contender } = config();
const quick = urls.slice(0, -1);
const slow = urls.at(-1);

const pages = {
  async tailor() {
    const { default: Tailor } = await import('node-tailor');
    // With the head of the first that answers: without a primary one, it waits for all of them.
    const fragments = quick.map((url, at) => `<fragment ${at ? '' : 'primary'} src="${url}"></fragment>`).join('');
    const template = `<!doctype html><html><head></head><body>${fragments}<fragment async src="${slow}"></fragment></body></html>`;
    let parsed = null;
    const tailor = new Tailor({
      fetchTemplate: async (_request, parse) => {
        parsed ??= await parse(template);
        return parsed;
      },
    });
    tailor.on('error', (_request, error) => console.error(error));
    return tailor.requestHandler;
  },

  async 'express-mashup'() {
    const { createMashup } = await import('../../../dist/index.js');
    const { fragmentAssets, html, late, raw, send } = await import('../../../dist/html/index.js');
    const names = quick.map((_, at) => `quick${at}`);
    const page = createMashup()(
      {
        ...Object.fromEntries(names.map((name, at) => [name, { url: quick[at], fragment: true }])),
        slow: { url: slow, fragment: true, defer: true },
      },
      { serverTiming: false },
    );
    const app = express();
    app.get('/', page, (_req, res) => {
      const { locals } = res;
      send(
        res,
        html`<!doctype html><html><head>${fragmentAssets(res)}</head><body>${names.map((name) => raw(locals[name]))}${late(
          locals.slow,
          { ok: raw },
        )}</body></html>`,
      );
    });
    return app;
  },
};

const server = createServer(await pages[contender]()).listen(0, '127.0.0.1');
await once(server, 'listening');
answer({ port: () => server.address().port, cpu });
