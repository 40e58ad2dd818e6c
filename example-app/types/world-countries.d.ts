// The package's own types say `export default`, but what Node imports is `module.exports`: the list itself.
declare module 'world-countries' {
  interface Country {
    name: { common: string; official: string; native: Record<string, { common: string; official: string }> };
    cca2: string;
    cca3: string;
    capital: string[];
    region: string;
    subregion: string;
    languages: Record<string, string>;
    currencies: Record<string, { name: string; symbol: string }>;
    borders: string[];
    area: number;
    latlng: [number, number];
    flag: string;
  }
  const countries: Country[];
  export default countries;
}
