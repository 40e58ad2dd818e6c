import { writeFile } from 'node:fs/promises';
import type { Output } from './progress.js';

const first = {
  $schema: './node_modules/express-mashup/dist/pages.schema.json',
  upstreams: {
    user: { url: 'https://users.example.com/users/{params.id}', required: true },
  },
  pages: {
    'GET /users/:id': {
      deadline: 1500,
      upstreams: {
        user: { use: 'user' },
        orders: 'https://orders.example.com/orders{?user.account}',
        weather: { url: 'https://weather.example.com/now{?query.city}', timeout: 300, fallback: { temp: null } },
      },
      json: true,
    },
  },
};

/** Writes a first file of pages, where there is none. */
export async function init(file: string, { stdout, stderr }: { stdout: Output; stderr: Output }): Promise<number> {
  try {
    await writeFile(file, `${JSON.stringify(first, null, 2)}\n`, { flag: 'wx' });
  } catch (error) {
    const isThere = (error as NodeJS.ErrnoException).code === 'EEXIST';
    stderr.write(`express-mashup: ${isThere ? `${file} is there already` : (error as Error).message}\n`);
    return 1;
  }
  stdout.write(`${file} is written: change it, and try express-mashup check ${file}\n`);
  return 0;
}
