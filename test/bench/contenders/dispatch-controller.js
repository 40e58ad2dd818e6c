// The same over undici's newer handler methods, which cost it a wrapper and an object of headers a request.
import { over } from './dispatch.js';

class Call {
  constructor(page, index) {
    this.page = page;
    this.index = index;
    this.body = null;
  }

  onRequestStart() {}

  onResponseStart(_controller, status) {
    if (status !== 200) this.page.fail(new Error(`Status ${status}`));
  }

  onResponseData(_controller, chunk) {
    this.body = this.body ? Buffer.concat([this.body, chunk]) : chunk;
  }

  onResponseEnd() {
    this.page.settle(this.index, this.body);
  }

  onResponseError(_controller, error) {
    this.page.fail(error);
  }
}

export default (urls, config) => over(Call, urls, config);
