import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { closeLater } from './closing.js';

interface Message {
  id?: number;
  sessionId?: string;
  method?: string;
  params?: Record<string, unknown>;
  result?: Record<string, unknown>;
  error?: { message: string };
}

type Heard = (method: string, params: Record<string, unknown>) => void;

/** A headless Chromium, spoken to in its own protocol over pipes. */
export class Browser {
  readonly #process: ChildProcess;
  readonly #waiting = new Map<number, (message: Message) => void>();
  readonly #sessions = new Map<string, Heard>();
  #left = '';
  #id = 0;

  constructor(process: ChildProcess) {
    this.#process = process;
    (process.stdio[4] as Readable).setEncoding('utf8').on('data', (text: string) => this.#read(text));
    process.once('exit', () => {
      for (const answer of this.#waiting.values()) answer({ error: { message: 'Chromium has ended' } });
    });
  }

  async send(method: string, params: object = {}, sessionId?: string): Promise<Record<string, unknown>> {
    const id = ++this.#id;
    const answer = new Promise<Message>((resolve) => this.#waiting.set(id, resolve));
    (this.#process.stdio[3] as Writable).write(`${JSON.stringify({ id, method, params, sessionId })}\0`);
    const { result, error } = await answer;
    if (result === undefined) throw new Error(`${method}: ${error?.message}`);
    return result;
  }

  /** Opens a tab with nothing in it. */
  async open(): Promise<Tab> {
    const { targetId } = await this.send('Target.createTarget', { url: 'about:blank' });
    const { sessionId } = await this.send('Target.attachToTarget', { targetId, flatten: true });
    const tab = new Tab(this, sessionId as string);
    this.#sessions.set(sessionId as string, (method, params) => tab.heard(method, params));
    for (const domain of ['Page', 'Runtime', 'Log']) await tab.send(`${domain}.enable`);
    return tab;
  }

  #read(text: string): void {
    const messages = (this.#left + text).split('\0');
    this.#left = messages.pop() ?? '';
    for (const json of messages) {
      const message = JSON.parse(json) as Message;
      if (message.id === undefined) {
        this.#sessions.get(message.sessionId ?? '')?.(message.method ?? '', message.params ?? {});
      } else {
        this.#waiting.get(message.id)?.(message);
        this.#waiting.delete(message.id);
      }
    }
  }
}

export class Tab {
  /** What was written to the console, and what the browser complained of. */
  readonly messages: string[] = [];
  readonly #browser: Browser;
  readonly #session: string;
  #loads = 0;
  #loaded: () => void = () => {};

  constructor(browser: Browser, session: string) {
    this.#browser = browser;
    this.#session = session;
  }

  send(method: string, params: object = {}): Promise<Record<string, unknown>> {
    return this.#browser.send(method, params, this.#session);
  }

  heard(method: string, params: Record<string, unknown>): void {
    if (method === 'Page.loadEventFired') {
      this.#loads++;
      this.#loaded();
    }
    if (['Runtime.consoleAPICalled', 'Runtime.exceptionThrown', 'Log.entryAdded'].includes(method)) {
      this.messages.push(JSON.stringify(params));
    }
  }

  /** Goes to a URL, without waiting for the page to be complete. */
  async go(url: string): Promise<void> {
    this.#loads = 0;
    const { errorText } = await this.send('Page.navigate', { url });
    if (errorText !== undefined) throw new Error(`${url}: ${errorText}`);
  }

  /** Waits until the page is complete. */
  async loaded(): Promise<void> {
    while (this.#loads === 0) {
      await new Promise<void>((resolve) => {
        this.#loaded = resolve;
      });
    }
  }

  /** Evaluates an expression: by the browser, even where pages may run no scripts. */
  async evaluate<T>(expression: string): Promise<T> {
    const { result, exceptionDetails } = await this.send('Runtime.evaluate', {
      expression,
      returnByValue: true,
      awaitPromise: true,
    });
    if (exceptionDetails !== undefined) throw new Error(JSON.stringify(exceptionDetails));
    return (result as { value: T }).value;
  }

  /** Waits until an expression is true. */
  async until(expression: string): Promise<void> {
    while (!(await this.evaluate<boolean>(expression))) await new Promise((resolve) => setTimeout(resolve, 10));
  }

  text(selector = 'body'): Promise<string> {
    return this.evaluate(`document.querySelector(${JSON.stringify(selector)}).innerText`);
  }

  html(selector = 'body'): Promise<string> {
    return this.evaluate(`document.querySelector(${JSON.stringify(selector)}).outerHTML`);
  }

  /** A PNG. */
  async screenshot(): Promise<Buffer> {
    const { data } = await this.send('Page.captureScreenshot', { captureBeyondViewport: true });
    return Buffer.from(data as string, 'base64');
  }
}

/** Starts a Chromium that ends with the test. */
export async function startBrowser(program: string, ...flags: string[]): Promise<Browser> {
  const profile = await mkdtemp(join(tmpdir(), 'mashup-browser-'));
  // Inside a container the sandbox cannot be set up, and it only sees pages of these tests.
  const usual = ['--headless', '--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage', '--no-first-run'];
  const child = spawn(program, [...usual, '--remote-debugging-pipe', `--user-data-dir=${profile}`, ...flags], {
    stdio: ['ignore', 'ignore', 'ignore', 'pipe', 'pipe'],
  });
  const browser = new Browser(child);
  closeLater(async () => {
    const exited = new Promise((resolve) => child.once('exit', resolve));
    await browser.send('Browser.close').catch(() => child.kill('SIGKILL'));
    await exited;
    await rm(profile, { recursive: true, force: true, maxRetries: 5 });
  });
  return browser;
}
