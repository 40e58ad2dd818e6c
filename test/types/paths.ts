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
  '/pictures/{id}': {
    get: { responses: { 200: { headers: Record<string, unknown>; content: { 'image/png': string } } } };
  };
}
