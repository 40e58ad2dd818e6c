import { compileUrl, UrlError } from '../../src/template/url-template.js';

export type Sources = Record<string, unknown>;

export const expand = (text: string, sources: Sources, clientItem?: boolean) =>
  compileUrl(text).expand((source) => sources[source], clientItem);

/** What a template is refused with; anything else fails the test. */
export function refusal(text: string, sources: Sources, clientItem?: boolean): UrlError {
  try {
    throw new Error(`not refused: ${expand(text, sources, clientItem)}`);
  } catch (error) {
    if (error instanceof UrlError) return error;
    throw error;
  }
}
