import { request } from 'undici';
import { digest, unzip } from '../lib/payload.js';

const getJson = async (url) => (await request(url)).body.json();
const getText = async (url) => (await request(url)).body.text();

const headers = { 'accept-encoding': 'gzip' };
const getZipped = async (url) => {
  const { body } = await request(url, { headers });
  return JSON.parse((await unzip(Buffer.from(await body.arrayBuffer()))).toString());
};

export default (urls, { type, gzip }) => {
  const get = gzip ? getZipped : type === 'text' ? getText : getJson;
  return async (_req, res) => {
    res.json(digest(await Promise.all(urls.map(get))));
  };
};
