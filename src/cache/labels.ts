// What an answer is about, by which it can be invalidated.
import type { HttpRequest } from '../transport/http-request.js';
import type { Entry } from './entry.js';
import { groupsOf } from './groups.js';
import { groupTag, markOf, urlMark } from './marks.js';

/** Authors choose tags, but upstreams may choose what they are made of. */
const MOST_TAGS = 64;
const LONGEST_TAG = 256;

/** The tags of an answer with this data; null where they cannot be told, or are too many. */
export function tagsOf({ tags }: HttpRequest, data: unknown): readonly string[] | null {
  if (tags === null) return [];
  const names = tags(data);
  const isWrong = names === null || names.length > MOST_TAGS || names.some(({ length }) => length > LONGEST_TAG);
  return isWrong ? null : [...new Set(names)];
}

/** What makes an answer stale: its URL, its tags, and the cache groups that it names. */
export function marksOf({ origin, path }: HttpRequest, entry: Entry, tags: readonly string[]): string[] {
  const groups = groupsOf(entry).map((group) => groupTag(origin, group));
  return [urlMark(origin + path), ...[...tags, ...groups].map((tag) => markOf('tag', tag))];
}
