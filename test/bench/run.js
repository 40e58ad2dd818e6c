// Measures express-mashup against hand-written pages and others. It prints Markdown, and gates nothing.
import { canPin } from './lib/child.js';
import { machine, missing } from './lib/machine.js';
import { options, usage } from './lib/options.js';

const log = (text) => process.stderr.write(`${text}\n`);

async function main() {
  const chosen = options(process.argv.slice(2));
  if (chosen.help) return console.log(usage);
  const problem = missing(chosen);
  if (problem) throw new Error(problem);
  if (!canPin) log('There is no taskset here: nothing is pinned, and server and load may disturb each other.');
  console.log(machine(canPin));
  for (const name of chosen.tables) {
    const { default: measure } = await import(`./tables/${name}.js`);
    console.log(`\n${await measure(chosen, log)}`);
  }
}

try {
  await main();
} catch (error) {
  log(`${error.stack}\n\n${usage}`);
  process.exitCode = 1;
}
