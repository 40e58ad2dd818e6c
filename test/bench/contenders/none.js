// The same answer with no upstream asked: what Express itself costs.
import { digest } from '../lib/payload.js';

const get = async (url) => (await fetch(url)).json();

export default async (urls) => {
  const list = await Promise.all(urls.map(get));
  return (_req, res) => {
    res.json(digest(list));
  };
};
