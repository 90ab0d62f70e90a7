// What calls to the demo have to be billed, as an accountant works it out from the answers and the price list:
// independent of the router's own arithmetic.

// Nano-dollars per token: $0.15 and $0.60 per million.
const INPUT = 150;
const OUTPUT = 600;

// The tokens that an answer of either dialect names, and their price in nano-dollars.
export function bill(answer) {
  const { usage } = JSON.parse(answer.text);
  const input = usage.prompt_tokens ?? usage.input_tokens;
  const output = usage.completion_tokens ?? usage.output_tokens;
  return { input, output, nano: input * INPUT + output * OUTPUT };
}

// An amount as the pages print it when it is below a cent: six decimals, rounded half up.
export function printed(nano) {
  if (nano === 0) return "$0.00";
  if (nano < 1_000 || nano >= 10_000_000) throw new Error(`${nano} nano-dollars are printed otherwise`);
  return `$0.${String(Math.round(nano / 1_000)).padStart(6, "0")}`;
}

// 12345 → 12,345
export const grouped = (n) => String(n).replace(/\B(?=(\d{3})+$)/g, ",");
