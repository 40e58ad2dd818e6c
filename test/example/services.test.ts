import request from 'supertest';
import { parseNews } from '../../example-app/news.js';
import { serviceApp, startServices } from '../../example-app/services/index.js';

describe('the services', () => {
  it('cities: knows a city, its zone and the clock there', async () => {
    const { body } = await request(serviceApp('cities', 0)).get('/cities/oslo').expect(200);
    expect(body).toMatchObject({ name: 'Oslo', iso2: 'NO', timezone: 'Europe/Oslo' });
    expect(body.localTime).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d$/);
    expect(body.utcOffset).toMatch(/^\+0[12]:00$/);
  });

  it('cities: gives the plain name to the largest of namesakes', async () => {
    const app = serviceApp('cities', 0);
    expect((await request(app).get('/cities/london')).body.iso2).toBe('GB');
    expect((await request(app).get('/cities/london-ca')).body.iso2).toBe('CA');
  });

  it('cities: searches by the beginning of a name, accents or not', async () => {
    const { body } = await request(serviceApp('cities', 0)).get('/cities').query({ q: 'São P' });
    expect(body[0]).toMatchObject({ slug: 'sao-paulo' });
  });

  it.each(['no', 'NOR'])('countries: takes the code %s', async (code) => {
    const { body } = await request(serviceApp('countries', 0)).get(`/countries/${code}`).expect(200);
    expect(body).toMatchObject({ name: 'Norway', borders: ['FIN', 'SWE', 'RUS'] });
  });

  it('holidays: lists a year', async () => {
    const { body } = await request(serviceApp('holidays', 0)).get('/holidays/NO?year=2026').expect(200);
    expect(body).toContainEqual({ date: '2026-05-17', name: 'Constitution Day' });
  });

  it('holidays: lists the next ones when no year is asked for', async () => {
    const { body } = await request(serviceApp('holidays', 0)).get('/holidays/DE').expect(200);
    const dates = body.map(({ date }: { date: string }) => date);
    expect(dates).toHaveLength(6);
    expect(dates[0] >= new Date().toISOString().slice(0, 10)).toBe(true);
    expect(dates).toEqual([...dates].sort());
  });

  it('sun: knows that it does not set on Svalbard in June', async () => {
    const { body } = await request(serviceApp('sun', 0)).get('/sun?lat=78.2&lng=15.6&date=2026-06-21').expect(200);
    expect(body.sun).toMatchObject({ up: true, sunrise: null, sunset: null, dayLength: 1440 });
  });

  it('weather: has twelve hours, the first of which is this one', async () => {
    const { body } = await request(serviceApp('weather', 0)).get('/weather/tokyo').expect(200);
    expect(body.hourly).toHaveLength(12);
    expect(Math.abs(Date.parse(body.hourly[0].time) - Date.now())).toBeLessThan(2 * 3_600_000);
  });

  it('news: answers RSS that the page can read', async () => {
    const { text, type } = await request(serviceApp('news', 0)).get('/news/london').buffer().expect(200);
    expect(type).toBe('application/rss+xml');
    expect(parseNews(text)).toContainEqual(
      expect.objectContaining({ title: 'Museums & galleries: Friday lates return' }),
    );
  });

  it('air: answers a query, with null for a city it does not know', async () => {
    const ask = (slug: string) =>
      request(serviceApp('air', 0)).post('/graphql').send({ query: '{ airQuality }', variables: { slug } }).expect(200);
    expect((await ask('oslo')).body.data.airQuality.station).toBe('Hjortnes');
    expect((await ask('atlantis')).body).toEqual({ data: { airQuality: null } });
  });

  it.each([
    ['cities', '/cities?q=a&q=b', 400],
    ['cities', '/cities/atlantis', 404],
    ['countries', '/countries/n0', 400],
    ['countries', '/countries/XX', 404],
    ['holidays', '/holidays/NO?year=next', 400],
    ['holidays', '/holidays/XX', 404],
    ['sun', '/sun?lat=91&lng=0', 400],
    ['sun', '/sun?lat=&lng=0', 400],
    ['sun', '/sun?lat=0&lng=0&date=2026-13-01', 400],
    ['weather', '/weather/atlantis', 404],
    ['news', '/news/..%2Fair', 400],
    ['news', '/news/atlantis', 404],
    ['air', '/graphql', 404],
  ] as const)('%s: answers %s with %i and says what is wrong', async (name, path, status) => {
    const { body } = await request(serviceApp(name, 0)).get(path).expect(status);
    expect(body).toEqual({ error: expect.any(String) });
  });

  it('air: answers a broken body with 400', async () => {
    const post = request(serviceApp('air', 0)).post('/graphql').type('json');
    const { body } = await post.send('{').expect(400);
    expect(body).toEqual({ error: expect.any(String) });
  });
});

describe('a sick service', () => {
  const get = (query: string) => request(serviceApp('weather', 0)).get(`/weather/oslo?${query}`);

  it.each([
    ['fail=weather', 500],
    ['fail=weather:503', 503],
    ['fail=news&fail=weather:418', 418],
    ['fail=news,weather', 500],
    ['fail=news&slow=sun:9000', 200],
    ['slow=weather:20', 200],
    ['slow=weather:soon', 400],
    ['slow=weather', 400],
    ['fail=weather:200', 400],
  ])('with %s answers %i', async (query, status) => {
    await get(query).expect(status);
  });

  it('cuts the connection', async () => {
    await expect(get('fail=weather:reset')).rejects.toThrow(/ECONNRESET|hang up/);
  });
});

describe('parseNews', () => {
  const feed = (link: string) =>
    parseNews(`<rss><channel><item><title>a &lt;b&gt;</title><link>${link}</link></item></channel></rss>`);

  it('keeps only http and https links', () => {
    expect(feed('https://a.test/1')[0]).toMatchObject({ title: 'a <b>', text: '', link: 'https://a.test/1' });
    expect(feed('javascript:alert(1)')[0]?.link).toBeNull();
  });

  it.each(['not xml', '<html></html>', '<rss><channel>'])('throws on %s', (text) => {
    expect(() => parseNews(text)).toThrow();
  });
});

describe('startServices', () => {
  it('starts them all and stops them all', async () => {
    const { urls, close } = await startServices();
    expect(Object.keys(urls)).toEqual(['cities', 'countries', 'holidays', 'sun', 'weather', 'news', 'air']);
    expect((await fetch(`${urls.sun}/sun?lat=0&lng=0`)).status).toBe(200);
    await close();
    await expect(fetch(`${urls.sun}/sun?lat=0&lng=0`)).rejects.toThrow();
  });

  it('gives up when a port is taken', async () => {
    const { urls, close } = await startServices();
    const firstPort = Number(new URL(urls.cities).port) - 3;
    await expect(startServices({ firstPort })).rejects.toThrow('EADDRINUSE');
    await close();
  });
});
