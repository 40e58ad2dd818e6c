import type { Response } from 'express';
import { graphsOf } from '../notes.js';
import type { Outcome } from '../outcome.js';
import { escapeHtml } from './escape.js';
import { type Link, parseLinks } from './link-header.js';
import { Raw } from './values.js';

/** What a fragment needs of the page: a stylesheet, a script, or something to load early. */
interface Asset {
  readonly rel: string;
  readonly url: string;
  readonly parameters: ReadonlyMap<string, string>;
}

const rels: ReadonlySet<string> = new Set(['stylesheet', 'modulepreload', 'preload', 'script']);
const copied = ['as', 'type', 'media', 'crossorigin', 'integrity', 'referrerpolicy'];

// Which assets of a response have been printed.
const printed = new WeakMap<Response, Set<string>>();

/** The assets of a page's fragments, as markup. Printing it prints those that have not been printed before. */
export class FragmentAssets extends Raw {
  /** Values of a Link header that let browsers load them early: for `res.writeEarlyHints({ link: assets.links })`. */
  readonly links: readonly string[];
  readonly #res: Response;
  readonly #assets: readonly Asset[];
  readonly #nonce: string | null;
  #text: string | null = null;

  constructor(res: Response, assets: readonly Asset[], nonce: string | null) {
    super('');
    this.#res = res;
    this.#assets = assets;
    this.#nonce = nonce;
    this.links = assets.flatMap((asset) => hintOf(asset) ?? []);
  }

  override get text(): string {
    this.#text ??= this.#print();
    return this.#text;
  }

  #print(): string {
    const before = printed.get(this.#res) ?? new Set();
    printed.set(this.#res, before);
    const left = this.#assets.filter((asset) => !before.has(keyOf(asset)));
    for (const asset of left) before.add(keyOf(asset));
    return left.map((asset) => markupOf(asset, this.#nonce)).join('');
  }
}

/**
 * What the Link headers of the page's fragments (`fragment: true`) name: stylesheets, modulepreload, preload, and scripts, each once.
 * For the head. What is deferred is not known there: call it again in the part that shows it.
 *
 * @param options `nonce`: of the page's Content-Security-Policy, for scripts and stylesheets
 * @example html`<head>${fragmentAssets(res)}</head>`
 */
export function fragmentAssets(res: Response, { nonce }: { nonce?: string | undefined } = {}): FragmentAssets {
  const outcomes = (res.locals['mashup'] ?? {}) as Record<string, Outcome>;
  const found = new Map<string, Asset>();
  const fragments = graphsOf(outcomes).flatMap(({ upstreams }) => upstreams.filter(({ fragment }) => fragment));
  for (const { name } of fragments) {
    const outcome = outcomes[name] as Outcome;
    for (const one of outcome.items ?? [outcome]) {
      // What stands in for an answer has no assets, and an error's are its own.
      if (one.status !== 'success') continue;
      for (const asset of assetsOf(one)) if (!found.has(keyOf(asset))) found.set(keyOf(asset), asset);
    }
  }
  return new FragmentAssets(res, [...found.values()], nonce ?? null);
}

function keyOf({ rel, url }: Asset): string {
  return `${rel} ${url}`;
}

function assetsOf({ response }: Outcome): Asset[] {
  if (response === null) return [];
  const headers = [response.headers['link'] ?? []].flat();
  return headers.flatMap(parseLinks).flatMap((link) => readAssets(link, response.url));
}

function readAssets({ target, rels: given, parameters }: Link, base: string): Asset[] {
  // With an anchor, it says something of another page.
  if (parameters.has('anchor') || !URL.canParse(target, base)) return [];
  const { protocol, href: url } = new URL(target, base);
  if (protocol !== 'http:' && protocol !== 'https:') return [];
  return given.filter((rel) => rels.has(rel)).map((rel) => ({ rel, url, parameters }));
}

function markupOf({ rel, url, parameters }: Asset, nonce: string | null): string {
  const isScript = rel === 'script';
  let attributes = isScript ? ` src="${escapeHtml(url)}"` : ` rel="${rel}" href="${escapeHtml(url)}"`;
  for (const name of copied) {
    const value = parameters.get(name);
    // A script that is no module waits for the page; another type than these would make it no script.
    if (value === undefined || (isScript && ['as', 'media'].includes(name))) continue;
    if (isScript && name === 'type' && value !== 'module') continue;
    attributes += ` ${name}="${escapeHtml(value)}"`;
  }
  if (nonce !== null && rel !== 'preload') attributes += ` nonce="${escapeHtml(nonce)}"`;
  return isScript ? `<script defer${attributes}></script>` : `<link${attributes}>`;
}

/** Null for what cannot be loaded early. */
function hintOf({ rel, url, parameters }: Asset): string | null {
  const isModule = rel === 'modulepreload' || (rel === 'script' && parameters.get('type') === 'module');
  const as = { stylesheet: 'style', script: 'script', preload: parameters.get('as') ?? '' }[rel] ?? '';
  let hint = `<${url}>; rel=${isModule ? 'modulepreload' : 'preload'}`;
  if (!isModule) {
    if (!/^[a-z]+$/.test(as)) return null;
    hint += `; as=${as}`;
  }
  const mode = parameters.get('crossorigin');
  return mode === undefined ? hint : `${hint}; crossorigin${mode === 'use-credentials' ? '=use-credentials' : ''}`;
}
