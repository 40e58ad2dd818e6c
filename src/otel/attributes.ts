import type { Attributes } from '@opentelemetry/api';
import type { AttemptMessage } from '../channels.js';

/** What is known of a request before it is sent, by OpenTelemetry's semantic conventions for HTTP. */
export function clientAttributes({ method, url, kind }: AttemptMessage): Attributes {
  const attributes: Attributes = { 'http.request.method': method, 'url.full': url, 'mashup.attempt': kind };
  return { ...attributes, ...serverOf(url) };
}

/** The attributes of a measurement, which are few, and not those of one request. */
export function measuredAttributes({ method, url, status, error }: AttemptMessage): Attributes {
  const attributes: Attributes = { 'http.request.method': method, ...serverOf(url) };
  if (status !== null) attributes['http.response.status_code'] = status;
  const type = error?.code ?? (status !== null && status >= 400 ? String(status) : null);
  if (type !== null) attributes['error.type'] = type;
  return attributes;
}

/** A relative URL is completed by an axios instance, and its server is not known here. */
function serverOf(url: string): Attributes {
  if (!URL.canParse(url)) return {};
  const { hostname, port, protocol } = new URL(url);
  return {
    'server.address': hostname,
    'server.port': port === '' ? (protocol === 'https:' ? 443 : 80) : Number(port),
  };
}
