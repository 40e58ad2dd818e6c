// What all the services have in common: they take their time, can be made sick, and answer every mistake in JSON.
import express, { type ErrorRequestHandler, type Express, type RequestHandler, type Router } from 'express';
import { HttpError } from './http-error.js';
import { later, sick } from './sick.js';

/** An Express app around a service's routes, which takes about `responseTime` milliseconds to answer. */
export function createService(name: string, routes: Router, responseTime: number): Express {
  const app = express();
  app.disable('x-powered-by');
  app.use(takeTime(responseTime), sick(name), routes, nothingHere, answerError);
  return app;
}

// No network answers twice in exactly the same time: a tenth more or less.
function takeTime(responseTime: number): RequestHandler {
  return (_req, res, next) => later(responseTime * (0.9 + Math.random() * 0.2), res, next);
}

const nothingHere: RequestHandler = (req) => {
  throw new HttpError(404, `nothing at ${req.method} ${req.path}`);
};

const answerError: ErrorRequestHandler = (error: { status?: number; message: string }, _req, res, _next) => {
  res.status(error.status ?? 500).json({ error: error.message });
};
