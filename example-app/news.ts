import { XMLParser } from 'fast-xml-parser';

export interface Article {
  title: string;
  text: string;
  topic: string;
  /** Only http and https: whoever writes a feed must not put a script behind a link of ours. */
  link: string | null;
  /** Such as 'pt-br'. */
  language: string;
}

interface Feed {
  rss: {
    channel: { language?: string; item?: { title?: string; description?: string; category?: string; link?: string }[] };
  };
}

const parser = new XMLParser({ isArray: (name) => name === 'item', parseTagValue: false });

/** RSS 2.0 to articles. What is no RSS throws, which makes it a failure of the upstream. */
export function parseNews(xml: string): Article[] {
  const { language = '', item = [] } = (parser.parse(xml, true) as Feed).rss.channel;
  return item.map(({ title = '', description = '', category = '', link = '' }) => ({
    title,
    text: description,
    topic: category,
    link: /^https?:\/\//i.test(link) ? link : null,
    language,
  }));
}
