// sha256 of what comes, while it comes: of each file, and of each tensor where somebody will compare them.
import { createSHA256 } from 'hash-wasm';

/** @typedef {import('#lens').Plan['wanted']} Wanted */

export class Digest {
  /** @type {Awaited<ReturnType<typeof createSHA256>>} */
  #whole;
  /** @type {Awaited<ReturnType<typeof createSHA256>>} */
  #one;
  #wanted;
  #file = -1;
  #at = 0; // of #wanted
  #done = 0; // bytes of #wanted[#at]
  /** @type {Record<number, string>} by file */
  files = {};
  /** @type {Record<string, string>} by Hugging Face's name */
  tensors = {};

  /** @param {Wanted | null} wanted whose tensors are asked for, in the files' order */
  static async begin(wanted) {
    return new Digest(await createSHA256(), await createSHA256(), wanted ?? []);
  }

  /** @param {Awaited<ReturnType<typeof createSHA256>>} whole @param {Awaited<ReturnType<typeof createSHA256>>} one @param {Wanted} wanted */
  constructor(whole, one, wanted) {
    this.#whole = whole;
    this.#one = one;
    this.#wanted = wanted;
  }

  /** @param {number} file @param {number} offset @param {Uint8Array} bytes file after file, each in order */
  update(file, offset, bytes) {
    if (file !== this.#file) {
      this.end();
      this.#whole.init();
      this.#file = file;
    }
    this.#whole.update(bytes);
    const end = offset + bytes.length;
    for (let w = this.#wanted[this.#at]; w && w.file === file && w.begin < end; w = this.#wanted[this.#at]) {
      if (this.#done === 0) this.#one.init();
      const from = w.begin + this.#done;
      const to = Math.min(end, w.end);
      this.#one.update(bytes.subarray(from - offset, to - offset));
      this.#done += to - from;
      if (to < w.end) break;
      this.tensors[w.tensor] = this.#one.digest('hex');
      this.#at++;
      this.#done = 0;
    }
  }

  end() {
    if (this.#file >= 0) this.files[this.#file] = this.#whole.digest('hex');
    this.#file = -1;
  }
}
