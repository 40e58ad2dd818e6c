import { ConfigError, mashup, type UpstreamError, upstream } from 'express-mashup';

interface User {
  name: string;
}

export const user = upstream<User>({ url: 'https://users.example.com/{params.id}', required: true });
export const page = mashup({ user });
export const lastError: UpstreamError | null = null;
export const problem = new ConfigError([]);
