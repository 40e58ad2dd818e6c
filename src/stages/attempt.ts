import { attempts } from '../channels.js';
import { AxiosAttempt } from '../transport/axios-attempt.js';
import type { AxiosRequest } from '../transport/axios-request.js';
import type { HttpRequest } from '../transport/http-request.js';
import { WireAttempt } from '../transport/wire-attempt.js';
import type { Send } from './stage.js';
import { TracedAttempt } from './traced-attempt.js';

/** Innermost: sends the request once, over a connection of the instance. */
export const sendOverWire: Send = function sendOverWire(job, request) {
  if (attempts.on) {
    const { method } = request as HttpRequest;
    const traced = new TracedAttempt(job, request, method);
    return traced.start<HttpRequest>((owner, request) => new WireAttempt(owner, request));
  }
  const attempt = new WireAttempt(job, request as HttpRequest);
  job.hold(attempt);
  attempt.start();
};

/** The same by an axios instance of the user's own. */
export const sendByAxios: Send = function sendByAxios(job, request) {
  if (attempts.on) {
    const method = (request as AxiosRequest).config.method ?? 'GET';
    const traced = new TracedAttempt(job, request, method);
    return traced.start<AxiosRequest>((owner, request) => new AxiosAttempt(owner, request));
  }
  const attempt = new AxiosAttempt(job, request as AxiosRequest);
  job.hold(attempt);
  attempt.start();
};
