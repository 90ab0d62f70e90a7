(function (native) {
  "use strict";
  const hashName = (algorithm) => {
    const name = String(typeof algorithm === "string" ? algorithm : algorithm?.name).toUpperCase();
    if (!["SHA-1", "SHA-256", "SHA-384", "SHA-512"].includes(name)) {
      throw new TypeError(`unsupported algorithm: ${name}`);
    }
    return name;
  };
  const secret = new WeakMap();
  class CryptoKey {
    constructor(hash, raw, usages) {
      this.type = "secret";
      this.extractable = false;
      this.algorithm = { name: "HMAC", hash: { name: hash }, length: raw.length * 8 };
      this.usages = usages;
      secret.set(this, raw);
    }
  }
  const mac = (key, data) => {
    if (!secret.has(key)) throw new TypeError("not a key of importKey");
    return native.hmac(key.algorithm.hash.name, secret.get(key), native.binary(data));
  };
  const subtle = Object.freeze({
    async digest(algorithm, data) { return native.digest(hashName(algorithm), native.binary(data)).buffer; },
    async importKey(format, raw, algorithm, _extractable, usages) {
      if (format !== "raw" || String(algorithm?.name).toUpperCase() !== "HMAC") {
        throw new TypeError("only raw keys for HMAC can be imported");
      }
      return new CryptoKey(hashName(algorithm.hash), native.binary(raw), [...usages]);
    },
    async sign(_algorithm, key, data) { return mac(key, data).buffer; },
    async verify(_algorithm, key, signature, data) {
      return native.sameBytes(native.binary(signature), native.binary(mac(key, data)));
    },
  });
  const crypto = Object.freeze({
    subtle,
    getRandomValues(array) {
      const bytes = new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
      bytes.set(native.random(bytes.length));
      return array;
    },
    randomUUID() {
      const bytes = native.random(16);
      bytes[6] = (bytes[6] & 0x0f) | 0x40;
      bytes[8] = (bytes[8] & 0x3f) | 0x80;
      const hex = [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
      return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join("-");
    },
  });
  return { crypto };
})
