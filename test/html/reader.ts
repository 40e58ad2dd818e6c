import { type ClientRequest, createServer, type IncomingHttpHeaders, type RequestOptions, request } from 'node:http';
import type { ErrorRequestHandler, Express, RequestHandler } from 'express';
import { listen, originOf } from '../support/backend.js';
import { closeLater } from '../support/closing.js';

/** A client that reads an answer as it comes. */
export class Reader {
  status = 0;
  headers: IncomingHttpHeaders = {};
  text = '';
  /** How it ended; null while it goes on. */
  end: 'whole' | 'cut' | null = null;
  readonly #request: ClientRequest;
  #changed: () => void = () => {};

  constructor(url: string, options: RequestOptions = {}) {
    this.#request = request(url, { agent: false, ...options }, (response) => {
      this.status = response.statusCode ?? 0;
      this.headers = response.headers;
      response.setEncoding('utf8').on('data', (text: string) => {
        this.text += text;
        this.#changed();
      });
      response.on('close', () => this.#ended(response.complete ? 'whole' : 'cut'));
      response.on('error', () => {});
      this.#changed();
    });
    this.#request.on('error', () => this.#ended('cut')).end();
    closeLater(() => this.leave());
  }

  /** Waits until something is so; throws if the answer ends before. */
  async until(isSo: (reader: this) => boolean): Promise<this> {
    while (!isSo(this)) {
      if (this.end !== null) throw new Error(`the answer ended (${this.end}): ${this.text}`);
      await new Promise<void>((resolve) => {
        this.#changed = resolve;
      });
    }
    return this;
  }

  has(text: string): Promise<this> {
    return this.until((reader) => reader.text.includes(text));
  }

  ended(): Promise<this> {
    return this.until((reader) => reader.end !== null);
  }

  leave(): void {
    this.#request.destroy();
  }

  #ended(how: 'whole' | 'cut'): void {
    this.end ??= how;
    this.#changed();
  }
}

/** An app with one page. What is wrong with it is the answer, with the status 500. */
export async function site(express: () => Express, ...handlers: RequestHandler[]): Promise<string> {
  const app = express();
  app.get('/', ...handlers);
  const onError: ErrorRequestHandler = (error, _req, res, _next) => {
    res.status(500).send(`failed: ${error.message}`);
  };
  app.use(onError);
  return originOf(await listen(createServer(app)));
}

/** What a page looks like when what came late has been filled in. */
export function filled(text: string): string {
  const [, body = '', parts = ''] = /^(.*?)(<script[^>]*>.*?<\/script>.*|$)/s.exec(text) ?? [];
  let page = body;
  const rest = parts
    .replace(/^<script[^>]*>.*?<\/script>/, '')
    .replace(/<template for="([^"]+)">(.*?)<\/template><wbr>/gs, (_, name, markup) => {
      const start = `<?start name="${name}">`;
      const at = page.indexOf(start);
      if (at === -1) throw new Error(`nothing stands where ${name} should be filled in`);
      page = page.slice(0, at) + markup + page.slice(endOf(page, at + start.length));
      return '';
    });
  return page + rest;
}

/** The end of a place, in which others may be. */
function endOf(page: string, from: number): number {
  let depth = 0;
  for (const { 0: mark, index } of page.slice(from).matchAll(/<\?start [^>]*>|<\?end>/g)) {
    if (mark !== '<?end>') depth++;
    else if (depth-- === 0) return from + index + mark.length;
  }
  throw new Error('a place has no end');
}
