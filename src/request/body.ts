import axios, { AxiosHeaders } from 'axios';
import { Failure } from '../errors.js';
import { hookFailure } from '../hook.js';
import { encodeForm } from '../transport/form.js';

// As axios comes; what an application sets in its defaults later is meant for its own requests.
const defaults = { ...axios.defaults };
const transforms = [defaults.transformRequest ?? []].flat();

/** A body as it goes on the wire, and the content type it has if the page names none. */
export interface WireBody {
  readonly body: string | Buffer | null;
  readonly contentType: string | null;
}

/**
 * Serializes `data` as axios does: objects as JSON (as a form where the content type says so), URLSearchParams as a form,
 * FormData and Blobs with their own types, strings and bytes as they are.
 */
export async function serializeBody(
  data: unknown,
  method: string,
  contentType: string | null,
): Promise<WireBody | Failure> {
  if (data === undefined || data === null) return { body: null, contentType: null };
  if (data instanceof FormData || data instanceof Blob) return readBody(data);
  const headers = new AxiosHeaders(contentType === null ? {} : { 'Content-Type': contentType });
  let body: unknown = data instanceof Uint8Array ? Buffer.from(data.buffer, data.byteOffset, data.byteLength) : data;
  try {
    for (const transform of transforms) {
      body = transform.call(defaults as never, body, headers);
    }
  } catch (cause) {
    return hookFailure('its data cannot be serialized:', cause);
  }
  if (body instanceof ArrayBuffer) body = Buffer.from(body);
  if (typeof body === 'number' || typeof body === 'boolean') body = String(body);
  if (typeof body !== 'string' && !Buffer.isBuffer(body)) {
    return new Failure(
      'ERR_UPSTREAM_HOOK',
      'its data is not text, bytes, a form or an object (a stream cannot be sent twice)',
    );
  }
  // axios's own default for text in a body.
  if (method === 'POST' || method === 'PUT' || method === 'PATCH') {
    headers.setContentType('application/x-www-form-urlencoded', false);
  }
  const type = headers.getContentType();
  return { body, contentType: typeof type === 'string' ? type : null };
}

async function readBody(data: FormData | Blob): Promise<WireBody | Failure> {
  try {
    return await encodeForm(data);
  } catch (cause) {
    return hookFailure('its data cannot be read:', cause);
  }
}
