// The entry `express-mashup/openapi`: upstreams whose types come from a description of the API, OpenAPI's or GraphQL's.
export { type GraphqlDocument, type GraphqlUpstream, graphql } from './graphql.js';
export { type OpenApi, type OpenApiUpstream, openapi } from './openapi.js';
