import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';

/** Programs that some tests need, each by the names it is installed under. */
const programs = {
  chromium: ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'],
  'redis-server': ['redis-server', 'valkey-server'],
  nginx: ['nginx'],
};

export type Tool = keyof typeof programs;

/** The path of a program, or null if this machine does not have it. */
export function toolPath(tool: Tool): string | null {
  for (const directory of (process.env['PATH'] ?? '').split(delimiter)) {
    for (const name of programs[tool]) {
      const path = join(directory, name);
      if (directory !== '' && isExecutable(path)) return path;
    }
  }
  return null;
}

export function hasChromium(): boolean {
  return toolPath('chromium') !== null;
}

export function hasRedis(): boolean {
  return toolPath('redis-server') !== null;
}

/**
 * A `describe` for tests that need a program; they get its path. Without it they are skipped, loudly; where
 * MASHUP_REQUIRE_ALL is 1 (in CI) they fail.
 */
export function describeWith(tool: Tool, name: string, define: (path: string) => void): void {
  const path = toolPath(tool);
  if (path !== null) {
    describe(name, () => define(path));
  } else if (process.env['MASHUP_REQUIRE_ALL'] === '1') {
    test(`${name}: needs ${tool}`, () => {
      throw new Error(`${tool} is not installed, and MASHUP_REQUIRE_ALL=1 lets no test be skipped`);
    });
  } else {
    console.warn(`SKIPPED "${name}": ${tool} is not installed`);
    describe.skip(name, () => define(tool));
  }
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
