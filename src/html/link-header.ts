// Link headers (RFC 8288, section 3).

export interface Link {
  /** As it is written: it may be relative. */
  readonly target: string;
  /** In lower case. */
  readonly rels: readonly string[];
  /** The first of each name, in lower case. */
  readonly parameters: ReadonlyMap<string, string>;
}

const target = /[\t ,]*<([^>]*)>/y;
const parameter = /[\t ]*;[\t ]*([!#$%&'*+.^`|~\w-]+)[\t ]*(?:=[\t ]*(?:"((?:[^"\\]|\\.)*)"|([^\t ",;]*)))?/y;

/** The links of a header, up to the first thing that is not one. */
export function parseLinks(header: string): Link[] {
  const links: Link[] = [];
  let at = 0;
  for (;;) {
    const found = matchAt(target, header, at);
    if (found === null) return links;
    at = target.lastIndex;
    const parameters = new Map<string, string>();
    for (let next = matchAt(parameter, header, at); next !== null; next = matchAt(parameter, header, at)) {
      at = parameter.lastIndex;
      const [, name = '', quoted, token = ''] = next;
      const key = name.toLowerCase();
      if (!parameters.has(key)) parameters.set(key, quoted === undefined ? token : quoted.replace(/\\(.)/g, '$1'));
    }
    const rels = (parameters.get('rel') ?? '').toLowerCase().split(/[\t ]+/);
    links.push({ target: found[1] ?? '', rels, parameters });
  }
}

function matchAt(pattern: RegExp, text: string, at: number): RegExpExecArray | null {
  pattern.lastIndex = at;
  return pattern.exec(text);
}
