// Keeps what a model thinks from clients that cannot deal with it: whole and streamed, for Chat
// Completions and for Messages.
const HIDDEN = ["reasoning", "reasoning_content", "reasoning_details"];

function strip(message) {
  for (const name of HIDDEN) delete message[name];
}

export function onResponse(context) {
  const body = context.response.body;
  for (const choice of body?.choices ?? []) strip(choice.message ?? {});
  if (Array.isArray(body?.content)) {
    body.content = body.content.filter((block) => !/thinking$/.test(block.type));
  }
  return context;
}

export function onChunk(context) {
  const data = context.chunk.data;
  if (data?.choices) {
    let empty = data.choices.length > 0;
    for (const choice of data.choices) {
      const before = Object.keys(choice.delta ?? {}).length;
      strip(choice.delta ?? {});
      const after = Object.keys(choice.delta ?? {}).length;
      empty &&= after === 0 && before > 0 && !choice.finish_reason;
    }
    return empty ? null : context;
  }
  // Messages numbers its blocks; those that are left out leave a gap in the numbers.
  const hidden = (context.state.hidden ??= []);
  if (data?.type === "content_block_start" && /thinking$/.test(data.content_block.type)) hidden.push(data.index);
  if (data?.index === undefined) return;
  if (hidden.includes(data.index)) return null;
  data.index -= hidden.filter((index) => index < data.index).length;
  return context;
}
