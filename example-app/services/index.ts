import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Express } from 'express';
import { air } from './air.js';
import { cities } from './cities.js';
import { countries } from './countries.js';
import { holidays } from './holidays.js';
import { news } from './news.js';
import { createService } from './service.js';
import { sun } from './sun.js';
import { weather } from './weather.js';

/** Each service, with the milliseconds it usually takes to answer. */
const services = {
  cities: { routes: cities, responseTime: 40 },
  countries: { routes: countries, responseTime: 70 },
  holidays: { routes: holidays, responseTime: 90 },
  sun: { routes: sun, responseTime: 30 },
  weather: { routes: weather, responseTime: 140 },
  news: { routes: news, responseTime: 200 },
  air: { routes: air, responseTime: 120 },
};

export type ServiceName = keyof typeof services;
export type ServiceUrls = Record<ServiceName, string>;

export interface RunningServices {
  urls: ServiceUrls;
  close(): Promise<void>;
}

export const serviceNames = Object.keys(services) as ServiceName[];

export function serviceApp(name: ServiceName, responseTime = services[name].responseTime): Express {
  return createService(name, services[name].routes, responseTime);
}

/** Starts them all on 127.0.0.1: from `firstPort` upwards, or on any free ports. */
export async function startServices({ firstPort = 0 } = {}): Promise<RunningServices> {
  const servers: Server[] = [];
  const close = async (): Promise<void> => {
    await Promise.all(servers.map(closeServer));
  };

  try {
    const urls: Partial<ServiceUrls> = {};
    for (const [index, name] of serviceNames.entries()) {
      const server = await listen(serviceApp(name), firstPort && firstPort + index);
      servers.push(server);
      urls[name] = urlOf(server);
    }
    return { urls: urls as ServiceUrls, close };
  } catch (error) {
    await close();
    throw error;
  }
}

/** Resolves once it listens, and rejects when it cannot. */
export function listen(app: Express, port: number, host = '127.0.0.1'): Promise<Server> {
  return new Promise((resolve, reject) => {
    const server: Server = app.listen(port, host, (error?: Error) => (error ? reject(error) : resolve(server)));
  });
}

export function urlOf(server: Server): string {
  const { address, family, port } = server.address() as AddressInfo;
  return `http://${family === 'IPv6' ? `[${address}]` : address}:${port}`;
}

/** Lets the requests in flight go: whoever asked has left by now. */
function closeServer(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}
