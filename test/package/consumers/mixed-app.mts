import express from 'express';
import { type ConfigError, createMashup, type MashupLocals, mashup, type UpstreamError } from 'express-mashup';
import { lastError, page, problem, user } from './mixed-library.cjs';

export const errors: [UpstreamError | null, ConfigError] = [lastError, problem];

const app = express();
app.get('/theirs', page, (_req, res) => {
  const name: string = res.locals.user.name;
  res.send(name);
});
app.get('/ours', mashup({ user }), (_req, res) => {
  const name: string = res.locals.user.name;
  res.send(name);
});
app.get('/own', createMashup()({ user }), (_req, res) => {
  const locals: MashupLocals<typeof page> = res.locals;
  res.send(locals.user.name);
});
