// What scripts of LLM Router are called with and what they can use. A script exports any of these hooks,
// as functions or as constants, asynchronous or not:
//
//   export async function onRequest(context) { … return context; }
//
// Returning nothing keeps everything as it was, also where the context was changed.

/** Any JSON value. */
type Json = null | boolean | number | string | Json[] | { [name: string]: Json };

interface User {
  /** Null for keys of teams, for the master key, and where authentication is off. */
  id: number | null;
  name: string | null;
  email: string | null;
}

interface Key {
  id: number | null;
  tags: string[];
}

interface Backend {
  /** Null where no backend could be told yet. */
  id: number | null;
  name: string | null;
  base_url: string | null;
  /** As the backend calls it; null before the way of the request is known. */
  model: string | null;
}

interface Usage {
  /** In onRequest and onRoute: about how long the prompt is. */
  estimated_input_tokens?: number;
  /** In onResponse: what the backend has reported. Null: nothing. */
  input_tokens?: number | null;
  cache_read_tokens?: number | null;
  output_tokens?: number | null;
  reasoning_tokens?: number | null;
}

interface Base {
  user: User;
  key: Key;
  backend: Backend;
  /** The model that the client asked for. */
  model: string;
  /** How the client speaks: "openai_chat", "openai_responses", "anthropic_messages", … */
  dialect: string;
  /** Which call to a backend this is, from 1 on; 0 before the first. */
  attempt: number;
  usage: Usage;
  /** Lasts as long as the request, for this script alone. */
  state: { [name: string]: unknown };
}

interface Request {
  method: string;
  path: string;
  /** Names in lower case; credentials and cookies are left out. What is added goes to the backend too. */
  headers: { [name: string]: string };
  /** The parsed body, in the client's dialect; null where it is not JSON. An object or a JSON text goes back. */
  body: any;
  isStream: boolean;
}

interface Response {
  status: number;
  headers: { [name: string]: string };
  /** In the client's dialect; null for streams and for what is not JSON. */
  body: any;
  isStream: boolean;
}

interface RequestContext extends Base { request: Request }
interface ResponseContext extends Base { request: Omit<Request, "body">; response: Response }

/** An event of a stream, in the client's dialect. */
interface Chunk {
  /** The event's name, where it has one. */
  event: string | null;
  /** Parsed where it is an object or a list; otherwise text, such as "[DONE]". */
  data: any;
}
interface ChunkContext extends Base { chunk: Chunk | Chunk[] | null }

interface Candidate {
  /** By which what is returned is recognised. */
  index: number;
  backend: { id: number; name: string; base_url: string };
  model: string;
  /** It is left alone at the moment, since it fails or is out of quota. */
  resting: boolean;
}
interface RouteContext extends Base { request: Omit<Request, "body">; candidates: Candidate[] }

interface ErrorContext extends Base {
  request: Omit<Request, "body">;
  error: { status: number; message: string };
}

/** Before a request goes to a backend. */
declare function onRequest(context: RequestContext): RequestContext | void | Promise<RequestContext | void>;
/** After the way of a request was planned: another order, or fewer candidates; none refuses the request. */
declare function onRoute(context: RouteContext): RouteContext | Candidate[] | number[] | void | Promise<RouteContext | Candidate[] | number[] | void>;
/** After the whole answer has come; for streams, before they begin, with a body of null. */
declare function onResponse(context: ResponseContext): ResponseContext | void | Promise<ResponseContext | void>;
/** For each event of a stream. Null drops it, a list puts several in its place. */
declare function onChunk(context: ChunkContext): ChunkContext | Chunk[] | null | void | Promise<ChunkContext | Chunk[] | null | void>;
/** When a request gets no answer. */
declare function onError(context: ErrorContext): ErrorContext | void | Promise<ErrorContext | void>;

/** Ends the request with a status of 400 to 599 and a message for the client. */
declare function refuse(status: number, message: string): never;

/** A small memory of this script, shared by all requests, gone when the router is started again. */
declare const kv: {
  get(key: string): any;
  set(key: string, value: Json): void;
  delete(key: string): boolean;
};

/** What an administrator has stored under that name. */
declare const secrets: { get(name: string): string | undefined };
