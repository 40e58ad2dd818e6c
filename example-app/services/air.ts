// Air quality from recorded samples, asked in the way of GraphQL: one POST route, query and variables in the body.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import express, { Router } from 'express';
import { exampleFolder } from '../folder.js';
import { HttpError } from './http-error.js';

export interface AirQuality {
  station: string;
  /** The European index: the lower, the better. */
  index: number;
  /** In µg/m³. */
  pm25: number;
  pm10: number;
  no2: number;
  o3: number;
}

const file = join(exampleFolder, 'samples/air.json');
const samples = new Map(Object.entries(JSON.parse(readFileSync(file, 'utf8')) as Record<string, AirQuality>));

export const air = Router();

air.post('/graphql', express.json(), (req, res) => {
  const { query, variables } = (req.body ?? {}) as { query?: unknown; variables?: { slug?: unknown } };
  const slug = variables?.slug;
  if (typeof query !== 'string' || !/\bairQuality\b/.test(query)) {
    throw new HttpError(400, 'query takes one of airQuality(slug: $slug)');
  }
  if (typeof slug !== 'string') throw new HttpError(400, 'variables takes { "slug": "oslo" }');
  res.json({ data: { airQuality: samples.get(slug) ?? null } });
});
