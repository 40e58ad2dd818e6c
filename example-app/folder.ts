import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The folder of the example: the code runs from its dist/ as well as from source, views and samples never move. */
export const exampleFolder = findUp(dirname(fileURLToPath(import.meta.url)), 'views');

function findUp(folder: string, wanted: string): string {
  if (existsSync(join(folder, wanted))) return folder;
  const parent = dirname(folder);
  if (parent === folder) throw new Error(`no folder "${wanted}" above ${import.meta.url}`);
  return findUp(parent, wanted);
}
