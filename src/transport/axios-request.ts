import type { AxiosInstance, AxiosRequestConfig } from 'axios';

/** A request to be made by an axios instance. */
export class AxiosRequest {
  readonly axios: AxiosInstance;
  readonly config: AxiosRequestConfig;
  /** Where the page sends it; the instance's baseURL and its interceptors may know better. '' for a relative URL. */
  readonly origin: string;
  readonly path: string;

  constructor(axios: AxiosInstance, config: AxiosRequestConfig, target: { origin: string; path: string }) {
    this.axios = axios;
    this.config = config;
    this.origin = target.origin;
    this.path = target.path;
  }
}
