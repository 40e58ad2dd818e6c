import { closed, type KeptConnection } from './kept-connection.js';

/** The idle connections to all origins, oldest first. Where there are too many, the oldest is closed. */
export class IdleConnections {
  readonly #most: number;
  #count = 0;
  // A linked list whose links are fields of the connections, so that adding and removing take constant time.
  #oldest: KeptConnection | null = null;
  #newest: KeptConnection | null = null;

  constructor(most: number) {
    this.#most = most;
  }

  add(connection: KeptConnection): void {
    connection.idle = true;
    connection.older = this.#newest;
    if (this.#newest === null) this.#oldest = connection;
    else this.#newest.newer = connection;
    this.#newest = connection;
    if (++this.#count > this.#most) this.#oldest?.destroy(closed);
  }

  remove(connection: KeptConnection): void {
    const { older, newer } = connection;
    connection.idle = false;
    connection.older = null;
    connection.newer = null;
    if (older === null) this.#oldest = newer;
    else older.newer = newer;
    if (newer === null) this.#newest = older;
    else newer.older = older;
    this.#count--;
  }

  closeAll(): void {
    while (this.#oldest !== null) this.#oldest.destroy(closed);
  }
}
