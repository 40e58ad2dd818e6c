// Podium composes HTML; here the podlets' content is the same JSON, parsed by the page. Its client reads each podlet's
// manifest once, and keeps it.
import Layout from '@podium/layout';
import { digest } from '../lib/payload.js';

export default async (urls, { type }) => {
  const parse = type === 'text' ? String : JSON.parse;
  const layout = new Layout({ name: 'bench', pathname: '/' });
  const podlets = urls.map((url, index) =>
    layout.client.register({ name: `podlet${index}`, uri: url.replace('/data/', '/podlet/') }),
  );
  await layout.client.refreshManifests();

  const handler = async (_req, res) => {
    const incoming = res.locals.podium;
    const answers = await Promise.all(podlets.map((podlet) => podlet.fetch(incoming)));
    res.json(digest(answers.map(({ content }) => parse(content))));
  };
  return [layout.middleware(), handler];
};
