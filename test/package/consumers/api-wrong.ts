import { graphql } from 'express-mashup/openapi';
import { api, type UserQuery } from './api.js';

declare const query: UserQuery;
const url = 'https://users.example.com/graphql';

export const wrong = [
  api('/userz/{params.id}'),
  api('/users/{params.id}{?query.land}'),
  api('/users/{params.id}', 'put'),
  graphql(url, query),
  graphql(url, query, { first: 3 }),
  graphql(url, query, () => ({ first: 3 })),
  graphql(url, query, { id: '7', frist: 3 }),
];
