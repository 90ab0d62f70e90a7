(function (native) {
  "use strict";
  // Bytes cross to the router as text of one character each.
  class TextEncoder {
    get encoding() { return "utf-8"; }
    encode(input = "") { return native.utf8(String(input).toWellFormed()); }
    encodeInto(source, target) {
      const bytes = this.encode(source);
      const written = Math.min(bytes.length, target.length);
      target.set(bytes.subarray(0, written));
      return { read: source.length, written };
    }
  }
  class TextDecoder {
    #fatal;
    #ignoreBom;
    constructor(label = "utf-8", { fatal = false, ignoreBOM = false } = {}) {
      const name = String(label).trim().toLowerCase();
      if (!["utf-8", "utf8", "unicode-1-1-utf-8"].includes(name)) throw new RangeError(`unknown encoding: ${label}`);
      this.#fatal = Boolean(fatal);
      this.#ignoreBom = Boolean(ignoreBOM);
    }
    get encoding() { return "utf-8"; }
    get fatal() { return this.#fatal; }
    get ignoreBOM() { return this.#ignoreBom; }
    decode(input) {
      if (input === undefined) return "";
      const decoded = native.fromUtf8(native.binary(input), this.#fatal);
      if (decoded === undefined) throw new TypeError("the bytes are not valid UTF-8");
      return !this.#ignoreBom && decoded.startsWith("\uFEFF") ? decoded.slice(1) : decoded;
    }
  }
  return { TextEncoder, TextDecoder };
})
