#!/usr/bin/env node
import { run } from './get.js';

for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    // Whoever reads the output may stop before its end, as `head` does: that is no mistake of anybody's.
    if (error.code === 'EPIPE') process.exit(0);
    if (stream === process.stdout) process.stderr.write(`express-mashup: cannot write the output: ${error.message}\n`);
    process.exit(1);
  });
}
const interruption = new AbortController();
process.on('SIGINT', () => {
  if (process.stderr.isTTY) process.stderr.write('\n');
  if (interruption.signal.aborted) process.exit(130);
  interruption.abort();
});

const { stdin, stdout, stderr, env } = process;
const code = await run(process.argv.slice(2), { stdin, stdout, stderr, env, signal: interruption.signal });
// A look-up or connection attempt that was given up may go on for seconds: do not wait for it, only for the output.
process.stdout.write('', (failed) => {
  if (!failed) process.stderr.write('', () => process.exit(code));
});
