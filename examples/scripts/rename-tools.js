// For a backend that refuses the names of some tools: renames them on the way there and back, for Chat
// Completions, whole and streamed.
const NAMES = { "web-search": "web_search", "shell.run": "shell_run" };
const BACK = Object.fromEntries(Object.entries(NAMES).map(([theirs, ours]) => [ours, theirs]));

function rename(functions, names) {
  for (const it of functions) {
    if (it?.name in names) it.name = names[it.name];
  }
}

export function onRequest(context) {
  const body = context.request.body;
  rename((body.tools ?? []).map((tool) => tool.function), NAMES);
  rename([body.tool_choice?.function], NAMES);
  for (const message of body.messages ?? []) rename((message.tool_calls ?? []).map((call) => call.function), NAMES);
  return context;
}

const answers = (choices, member) =>
  (choices ?? []).flatMap((choice) => choice[member]?.tool_calls ?? []).map((call) => call.function);

export function onResponse(context) {
  rename(answers(context.response.body?.choices, "message"), BACK);
  return context;
}

export function onChunk(context) {
  rename(answers(context.chunk.data?.choices, "delta"), BACK);
  return context;
}
