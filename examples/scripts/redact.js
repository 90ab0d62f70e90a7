// Takes e-mail addresses and card numbers out of what clients send, in every dialect.
const EMAIL = /[\w.+-]+@[\w-]+(?:\.[\w-]+)+/g;
const DIGITS = /\b\d(?:[ -]?\d){12,18}\b/g;

// Luhn's checksum, so that order numbers and the like stay.
function isCard(text) {
  const digits = text.replace(/\D/g, "");
  let sum = 0;
  for (let i = 0; i < digits.length; i += 1) {
    let digit = Number(digits[digits.length - 1 - i]);
    if (i % 2 === 1) digit = digit * 2 > 9 ? digit * 2 - 9 : digit * 2;
    sum += digit;
  }
  return sum % 10 === 0;
}

const redact = (text) =>
  text.replace(EMAIL, "[e-mail]").replace(DIGITS, (found) => (isCard(found) ? "[card]" : found));

// Only texts: names of models and tools, ids and pictures stay as they are.
function walk(value) {
  if (Array.isArray(value)) {
    value.forEach(walk);
  } else if (value && typeof value === "object") {
    for (const [name, member] of Object.entries(value)) {
      const isText = ["content", "text", "input", "instructions", "system", "prompt", "arguments", "output"].includes(name);
      if (isText && typeof member === "string") value[name] = redact(member);
      else walk(member);
    }
  }
}

export function onRequest(context) {
  walk(context.request.body);
  return context;
}
