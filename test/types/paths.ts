// As openapi-typescript 7 writes it.
export interface paths {
  '/users/{id}': {
    parameters: { query?: never; header?: never; path: { id: string }; cookie?: never };
    get: {
      parameters: {
        query?: { lang?: string; 'page[size]'?: number };
        header?: never;
        path: { id: string };
        cookie?: never;
      };
      requestBody?: never;
      responses: {
        200: { headers: { [name: string]: unknown }; content: { 'application/json': { id: string; name: string } } };
        404: { headers: { [name: string]: unknown }; content: { 'application/problem+json': { title: string } } };
      };
    };
    put?: never;
    post?: never;
    delete: {
      parameters: { query?: never; header?: never; path: { id: string }; cookie?: never };
      requestBody?: never;
      responses: { 204: { headers: { [name: string]: unknown }; content?: never } };
    };
  };
  '/users/me': {
    get: { responses: { 200: { headers: Record<string, unknown>; content: { 'application/json': { me: true } } } } };
  };
  '/users': {
    parameters: { query?: { tenant?: string } };
    get: {
      parameters: { query: { limit: number } };
      responses: { 200: { headers: Record<string, unknown>; content: { 'application/json': { id: string }[] } } };
    };
    post: { responses: { 201: { headers: Record<string, unknown>; content: { 'application/json': { id: string } } } } };
  };
  '/files/{name}.{type}/text': {
    get: { responses: { default: { headers: Record<string, unknown>; content: { 'text/plain': string } } } };
  };
  '/jobs/{id}': {
    // JSON beside others, two successes, and a description of all errors.
    get: {
      responses: {
        200: {
          headers: Record<string, unknown>;
          content: {
            'application/vnd.api+json; charset=utf-8': { state: string };
            'text/csv': string;
            'application/vnd.diff': string;
          };
        };
      };
    };
    post: {
      responses: {
        201: { headers: Record<string, unknown>; content: { 'application/json': { id: number } } };
        204: { headers: Record<string, unknown>; content?: never };
        default: { headers: Record<string, unknown>; content: { 'application/json': { title: string } } };
      };
    };
    put: { responses: { 302: { headers: Record<string, unknown>; content?: never } } };
  };
  '/pictures/{id}': {
    get: { responses: { 200: { headers: Record<string, unknown>; content: { 'image/png': string } } } };
  };
}
