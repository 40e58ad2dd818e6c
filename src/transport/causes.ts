/** The refusal of an address that is not public, in the form that sockets pass on. */
export class BlockedError extends Error {
  constructor(hostname: string) {
    super(`${hostname} is not a public internet address`);
  }
}

/** What the requests end with that are still under way when an instance is closed. */
export class ClosedError extends Error {
  constructor() {
    super('the instance was closed');
  }
}
