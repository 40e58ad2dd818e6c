import type { TagContext } from '../cache-types.js';
import type { TagPlan } from '../call/plan.js';
import type { UpstreamConfig } from '../checked.js';
import type { Problems } from '../errors.js';
import { isThenable } from '../hook.js';
import type { RequestSource } from '../request/plan.js';
import { shown } from '../shown.js';
import { readPath } from '../template/url-template.js';
import type { Tagger } from '../transport/http-request.js';

/** How the tags of an upstream's answers are told. */
export interface TagDraft {
  /** What its templates read. */
  readonly sources: readonly string[];
  /** What tells them where they are the same for all requests. */
  readonly fixed: Tagger | null;
  readonly plan: TagPlan | null;
}

type Part = string | readonly [source: string, keys: readonly string[]];

/** Compiles the tags of an upstream. */
export function planTags({ cache }: UpstreamConfig, path: string, problems: Problems): TagDraft {
  const tags = cache?.tags ?? null;
  if (tags === null) return { sources: [], fixed: null, plan: null };
  if (typeof tags === 'function') {
    return { sources: [], fixed: null, plan: { of: (source) => byFunction(tags, source) } };
  }
  const templates = tags.map((tag) => compile(tag, `${path}.cache.tags`, problems));
  const sources = [...new Set(templates.flat().flatMap((part) => (typeof part === 'string' ? [] : [part[0]])))];
  if (sources.length === 0) return { sources, fixed: () => tags, plan: null };
  return { sources, fixed: null, plan: { of: (source) => byTemplates(templates, source) } };
}

/** What templates read belongs to the visitor, so it is read now, and not when the answer is there. */
function byTemplates(templates: readonly (readonly Part[])[], source: RequestSource): Tagger {
  const names = templates.map((parts) => expand(parts, source));
  const known = names.every((name) => name !== null) ? names : null;
  return () => known;
}

const variable = /^\w+(?:\.\w+)+$/;

/** A tag is text, in which `{params.id}` stands for a value. */
function compile(tag: string, path: string, problems: Problems): Part[] {
  const parts = tag.split(/\{([^{}]*)\}/).map((text, at): Part => {
    if (at % 2 === 0 && !/[{}]/.test(text)) return text;
    if (at % 2 === 1 && variable.test(text)) {
      const [source = '', ...keys] = text.split('.');
      return [source, keys];
    }
    problems.add(path, `'${shown(tag, 60)}' is not a tag: a value is written as in 'user-{params.id}'`);
    return '';
  });
  return parts.filter((part) => part !== '');
}

/** The tag for a request; null where a value is missing, or is no text or number. */
function expand(parts: readonly Part[], source: RequestSource): string | null {
  let text = '';
  for (const part of parts) {
    const value = typeof part === 'string' ? part : readPath(source.lookup(part[0]), part[1]);
    if (typeof value !== 'string' && !Number.isSafeInteger(value)) return null;
    text += value;
  }
  return text;
}

/** What a function of the page says, which may throw or return anything. */
function byFunction(
  tags: (context: TagContext, data: unknown) => readonly string[],
  { context: { params, query, results, item } }: RequestSource,
): Tagger {
  const context = { params, query, results, item };
  return (data) => {
    try {
      const names: unknown = tags(context, data);
      // The answer is there, and does not wait for a promise.
      if (isThenable(names)) names.then(ignore, ignore);
      return Array.isArray(names) && names.every((name) => typeof name === 'string') ? names : null;
    } catch {
      return null;
    }
  };
}

function ignore(): void {}
