import { parseArgs } from 'node:util';
import { closest } from '../plan/suggest.js';
import { parseDuration, parseHeaders, parseWhole } from './values.js';

/** What `express-mashup get` was asked to do. What is undefined was not asked for: the library's default holds. */
export interface GetRequest {
  /** As given; `-` stands for the lines of stdin. */
  urls: readonly string[];
  /** Milliseconds. */
  timeout?: number;
  concurrency?: number;
  headers?: Record<string, string | string[]>;
  json: boolean;
  compare: boolean;
}

/** What the arguments mean. */
export type Command =
  | { kind: 'help' }
  | { kind: 'version' }
  | { kind: 'get'; request: GetRequest }
  | { kind: 'check'; file: string }
  | { kind: 'serve'; file: string; port: number; views: string | null }
  | { kind: 'init'; file: string }
  | { kind: 'mistake'; message: string };

const options = {
  timeout: { type: 'string', short: 't' },
  concurrency: { type: 'string', short: 'c' },
  header: { type: 'string', short: 'H', multiple: true },
  json: { type: 'boolean' },
  compare: { type: 'boolean' },
  port: { type: 'string', short: 'p' },
  views: { type: 'string' },
  help: { type: 'boolean', short: 'h' },
  version: { type: 'boolean', short: 'V' },
} as const;

const optionNames = Object.keys(options);
const optionsOf: Readonly<Record<string, readonly string[]>> = {
  get: ['timeout', 'concurrency', 'header', 'json', 'compare'],
  check: [],
  serve: ['port', 'views'],
  init: [],
};
const commands = Object.keys(optionsOf);
const usualFile = 'pages.json';
const usualPort = 3000;

/** Reads the arguments that follow the program's name. Throws nothing: what is wrong is a command of its own. */
export function parseCommand(args: readonly string[]): Command {
  const parsed = parseOptions(args);
  if (typeof parsed === 'string') return { kind: 'mistake', message: parsed };

  const { values, positionals } = parsed;
  if (values.help || positionals[0] === 'help') return { kind: 'help' };
  if (values.version) return { kind: 'version' };

  const [command = '', ...urls] = positionals;
  const allowed = Object.hasOwn(optionsOf, command) ? optionsOf[command] : undefined;
  const other = Object.keys(values).find((name) => allowed?.includes(name) === false);
  if (other !== undefined) return { kind: 'mistake', message: `${command} has no option --${other}` };
  if (command === 'check' || command === 'serve' || command === 'init') return parseFileCommand(command, urls, values);
  if (command !== 'get') return { kind: 'mistake', message: wrongCommand(command) };
  if (urls.length === 0) return { kind: 'mistake', message: 'get needs a URL, or - to read URLs from stdin' };
  if (urls.indexOf('-') !== urls.lastIndexOf('-')) return { kind: 'mistake', message: '- may be given only once' };

  const timeout = parseDuration('--timeout', values.timeout);
  const concurrency = parseWhole('--concurrency', values.concurrency);
  const headers = parseHeaders('--header', values.header);
  for (const value of [timeout, concurrency, headers]) {
    if ('mistake' in value) return { kind: 'mistake', message: value.mistake };
  }
  const { json = false, compare = false } = values;
  return { kind: 'get', request: { urls, json, compare, ...timeout, ...concurrency, ...headers } };
}

function parseFileCommand(
  kind: 'check' | 'serve' | 'init',
  files: readonly string[],
  { port: text = String(usualPort), views = null }: { port?: string | undefined; views?: string | null | undefined },
): Command {
  const [file = usualFile, ...others] = files;
  if (others.length > 0) return { kind: 'mistake', message: `${kind} takes one file` };
  if (kind !== 'serve') return { kind, file };
  const port = Number(text);
  if (!/^\d+$/.test(text) || port > 65_535) return { kind: 'mistake', message: '--port takes a port from 0 to 65535' };
  return { kind, file, port, views };
}

function parseOptions(args: readonly string[]) {
  try {
    return parseArgs({ args: [...args], options, allowPositionals: true, strict: true });
  } catch (error) {
    return unknownOption(args) ?? firstLine(error as Error);
  }
}

function unknownOption(args: readonly string[]): string | undefined {
  const { tokens } = parseArgs({ args: [...args], options, allowPositionals: true, strict: false, tokens: true });
  for (const token of tokens) {
    if (token.kind !== 'option' || optionNames.includes(token.name)) continue;
    return `unknown option ${token.rawName}${didYouMean(nearestOption(token.name), '--')}`;
  }
  return undefined;
}

function nearestOption(name: string): string | undefined {
  if (name.length === 1) return optionNames.find((option) => option.startsWith(name.toLowerCase()));
  return closest(name, optionNames);
}

function wrongCommand(command: string): string {
  if (command === '') return 'the command is missing: express-mashup get URL…';
  if (command === '-' || command.includes('://')) return `the command is missing: express-mashup get ${command}`;
  return `unknown command ${command}${didYouMean(closest(command, commands))}`;
}

function didYouMean(suggestion: string | undefined, prefix = ''): string {
  return suggestion === undefined ? '' : `: did you mean ${prefix}${suggestion}?`;
}

/** Node's own messages say what is wrong in their first line; what follows is advice that does not fit here. */
function firstLine(error: Error): string {
  const line = error.message.split('\n', 1)[0] ?? '';
  return line.charAt(0).toLowerCase() + line.slice(1).replace(/\.$/, '');
}
