// News from recorded samples, as RSS.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Router } from 'express';
import { exampleFolder } from '../folder.js';
import { HttpError } from './http-error.js';

export const news = Router();

news.get('/news/:slug', (req, res) => {
  const { slug } = req.params;
  if (!/^[a-z0-9-]{1,80}$/.test(slug)) throw new HttpError(400, 'a city is named as in /news/new-york');
  const file = join(exampleFolder, 'samples/news', `${slug}.xml`);
  if (!existsSync(file)) throw new HttpError(404, 'no paper there');
  res.type('application/rss+xml; charset=utf-8').send(readFileSync(file, 'utf8'));
});
