// Jest waits for ever for what a test left open. The file that left it has failed by now (see environment.ts), so end.
const graceMs = 3000;

export default function endSoon(): void {
  const timer = setTimeout(() => {
    console.error(`Jest did not end by itself within ${graceMs} ms: a test left something open.`);
    process.exit(1);
  }, graceMs);
  timer.unref(); // an unref'ed timer still fires where something else keeps the process alive
}
