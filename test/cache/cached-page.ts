import type { CacheSettings } from '../../src/cache-types.js';
import { cacheDefaults } from '../../src/config/defaults.js';
import type { Mashup, Outcome, PageOptions, RunInput, UpstreamOptions } from '../../src/index.js';
import { ManualClock } from '../support/clock.js';
import { closeLater } from '../support/closing.js';
import { settled } from '../support/deferred.js';
import { mashupWith } from '../support/instance.js';

/** Asks a page with one upstream, `a`. */
export type AskPage = (input?: RunInput) => Promise<Outcome>;

/** An instance whose time stands still, and that caches. */
export class CachedSite {
  readonly clock = new ManualClock();
  readonly mashup: Mashup;

  constructor(settings: CacheSettings = {}, clock?: ManualClock) {
    if (clock !== undefined) this.clock = clock;
    this.mashup = mashupWith({ clock: this.clock, cache: { ...cacheDefaults, ...settings } });
    closeLater(() => this.mashup.close());
  }

  page(options: UpstreamOptions, pageOptions: PageOptions = {}): AskPage {
    const page = this.mashup({ a: options }, pageOptions);
    return async (input) => (await page.run(input)).outcomes.a as Outcome;
  }

  /** Waits until nothing is in flight, such as a refresh behind a page. */
  async idle(): Promise<void> {
    do await settled();
    while (Object.values(this.mashup.stats().origins).some(({ inFlight, queued }) => inFlight + queued > 0));
    await settled();
  }
}
