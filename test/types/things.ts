import type { StandardSchema } from '../../src/index.js';

export interface User {
  id: number;
  name: string;
  friends: { id: number }[];
}

export interface Order {
  total: number;
}

/** A schema as its authors write them: the interface, and a type that says more than the interface does. */
export const userSchema = {
  '~standard': {
    version: 1,
    vendor: 'hand-written',
    validate: (value: unknown) =>
      typeof value === 'object' && value !== null && 'name' in value
        ? { value: value as User }
        : { issues: [{ message: 'is not a user', path: ['name'] }] },
    types: undefined as { input: unknown; output: User } | undefined,
  },
} as const satisfies StandardSchema;

/** A schema that is typed by the interface alone, and whose output is not its input. */
export const dateSchema: StandardSchema<string, Date> = {
  '~standard': { version: 1, vendor: 'hand-written', validate: (value) => ({ value: new Date(String(value)) }) },
};

/** One that is asynchronous, and is given as a class. */
export class OrderSchema implements StandardSchema<unknown, Order> {
  readonly '~standard' = {
    version: 1 as const,
    vendor: 'hand-written',
    validate: async (value: unknown) => ({ value: value as Order }),
    types: undefined as { readonly input: unknown; readonly output: Order } | undefined,
  };
}
