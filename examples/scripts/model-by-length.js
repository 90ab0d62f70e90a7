// Sends short prompts to a small model, whatever was asked for.
const SHORT = 500; // tokens, as the router estimates them
const SMALL = "small";

export function onRequest(context) {
  const tools = context.request.body.tools ?? [];
  if (context.usage.estimated_input_tokens < SHORT && tools.length === 0) {
    context.request.body.model = SMALL;
    return context;
  }
}
