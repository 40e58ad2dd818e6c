import { request } from 'undici';
import { digest } from '../lib/payload.js';

const get = async (url) => (await request(url)).body.json();

export default (urls) => async (_req, res) => {
  res.json(digest(await Promise.all(urls.map(get))));
};
