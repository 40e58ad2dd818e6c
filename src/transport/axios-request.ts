import type { AxiosInstance, AxiosRequestConfig } from 'axios';
import { redactUrl } from '../redact.js';
import type { UpstreamRequest } from './http-request.js';

/** A request to be made by an axios instance, whose baseURL and interceptors may change all of it. */
export class AxiosRequest implements UpstreamRequest {
  readonly identity = null;
  readonly axios: AxiosInstance;
  readonly config: AxiosRequestConfig;
  readonly origin: string;
  readonly path: string;

  constructor(axios: AxiosInstance, config: AxiosRequestConfig, target: { origin: string; path: string }) {
    this.axios = axios;
    this.config = config;
    this.origin = target.origin;
    this.path = target.path;
  }

  get url(): string {
    return redactUrl(this.origin + this.path);
  }

  withHeader(name: string, value: string): AxiosRequest {
    const headers = { ...(this.config.headers as Record<string, string>), [name]: value };
    return new AxiosRequest(this.axios, { ...this.config, headers }, this);
  }
}
