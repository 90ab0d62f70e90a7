"""What the stand-in's model answers: one function for each scenario, from the request to a Turn.

Nothing here knows a wire format; the dialects' modules turn a Turn into bytes."""
import base64
import hashlib
import json
import re
from dataclasses import dataclass, field

from .prompt import Asked

TEXT = "Hello from the stand-in."
# Marks beyond the Basic Multilingual Plane, joiners, line ends that are none in SSE, and what JSON escapes.
UNICODE = "naïve — 你好 — привет — 👩‍👩‍👧‍👦 🇵🇱 e\u0301 𝔘 \u2028 \u0085 end\u00a0\"quoted\" \\ \t tab\nline"
HARD_ARGUMENTS = {"city": "Zürich 🏔", "days": 3, "unit": {"temperature": "C"}, "list": ["a", 'b "quoted"', "line\nline"], "big": 12345678901234567890}
# What Anthropic hides of a thought: opaque, and good for one thing only, to be given back as it is.
REDACTED = base64.b64encode(b"hidden thoughts of the stand-in \xff\xfe").decode()


def sign(text: str) -> str:
    """The proof that a text of thinking is the model's own. A character more or less and it no longer holds."""
    return base64.b64encode(hashlib.sha512(f"stand-in:{text}".encode()).digest()).decode()


@dataclass(frozen=True)
class Text:
    text: str


@dataclass(frozen=True)
class Thinking:
    text: str


@dataclass(frozen=True)
class Redacted:
    data: str = REDACTED


@dataclass(frozen=True)
class ToolCall:
    name: str
    arguments: dict


@dataclass(frozen=True)
class Refusal:
    text: str


@dataclass(frozen=True)
class Usage:
    """Tokens as Anthropic counts them: `input` without what came from the cache or went there."""
    input: int = 11
    output: int = 7
    cache_read: int = 0
    cache_write: int = 0
    reasoning: int = 0


@dataclass(frozen=True)
class Turn:
    """One answer."""
    parts: list
    stop: str = "end"                    # end | tool | length | sequence | filter | refusal
    usage: Usage = field(default_factory=Usage)
    sequence: str | None = None          # the stop sequence that was met
    piece: int = 5                       # characters in a delta
    write: int | None = None             # bytes in a write to the socket; None writes event by event
    breaks: str | None = None            # "error": an error event in mid-stream; "gone": the connection ends there


@dataclass(frozen=True)
class Failure:
    """An answer that is an error."""
    status: int
    message: str
    code: str | None = None
    headers: dict = field(default_factory=dict)


SCENARIOS = {}


def scenario(function):
    SCENARIOS[function.__name__.replace("_", "-")] = function
    return function


def answer(asked: Asked, earlier: int) -> Turn | Failure:
    """The answer; `earlier` is how often this run has asked before."""
    name, _ = asked.tag
    act = SCENARIOS.get(name)
    if act is None:
        return Failure(400, f"the stand-in has no scenario {name}")
    return act(asked, earlier) if act is flaky else act(asked)


@scenario
def plain(_):
    return Turn([Text(TEXT)])


@scenario
def unicode(_):
    return Turn([Text(UNICODE)], piece=1, write=3)


@scenario
def nothing(_):
    return Turn([])


# ---- tools

def _weather(asked: Asked, city: str) -> ToolCall:
    return ToolCall(next(iter(asked.tools), "get_weather"), {"city": city, "days": 3, "unit": "celsius"})


def _told(asked: Asked) -> Turn:
    return Turn([Text("; ".join(result.text for result in asked.results))])


@scenario
def trip(asked):
    """Two calls, one after the other, then what they returned."""
    match len(asked.results):
        case 0:
            return Turn([Text("First Paris."), _weather(asked, "Paris")], "tool")
        case 1:
            return Turn([_weather(asked, "Rome")], "tool")
    return _told(asked)


@scenario
def parallel(asked):
    return _told(asked) if asked.results else Turn([_weather(asked, "Paris"), _weather(asked, "Rome")], "tool")


@scenario
def no_arguments(asked):
    return _told(asked) if asked.results else Turn([ToolCall(next(iter(asked.tools), "now"), {})], "tool")


@scenario
def hard_arguments(asked):
    return _told(asked) if asked.results else Turn([ToolCall(next(iter(asked.tools), "get_weather"), HARD_ARGUMENTS)], "tool", piece=3)


@scenario
def trail(asked):
    """For a coding program: shows a file with the shell, then the file that this one names, and tells what is in that."""
    tool = next(((name, schema["properties"]) for name, schema in asked.tools.items() if {"command", "cmd"} & set(schema.get("properties") or {})), None)
    if tool is None:                     # a request beside the task, such as one for a title
        return Turn([Text("A trail of files")])
    name, properties = tool
    paths = [found for text in (asked.texts if not asked.results else [asked.results[-1].text]) for found in re.findall(r"next: (\S+\.txt)", text)]
    if not paths:
        return Turn([Text(f"The trail ends with: {asked.results[-1].text if asked.results else 'nothing'}")])
    thought = Thinking(f"{THOUGHT}The next file is {paths[-1]}.")
    # Qwen Code stops reading when the shell has exited, and so loses now and then what a shell has just written.
    command, parameter = f"cat {paths[-1]}; sleep 0.3", "command" if "command" in properties else "cmd"
    arguments = {parameter: ["bash", "-lc", command] if properties[parameter].get("type") == "array" else command}
    if "description" in properties:
        arguments["description"] = "Show the file"
    if "is_background" in properties:
        arguments["is_background"] = False
    return Turn([thought, Text("Let me look."), ToolCall(name, arguments)], "tool")


# ---- thinking

THOUGHT = "First I consider the question — twice.\n"


@scenario
def think(_):
    return Turn([Thinking(THOUGHT), Text(TEXT)], usage=Usage(output=12, reasoning=5))


@scenario
def think_trip(asked):
    """Thinks before each of two calls, and before the end."""
    turn = trip(asked)
    return Turn([Thinking(f"{THOUGHT}Step {len(asked.results) + 1}."), *turn.parts], turn.stop)


@scenario
def redacted(asked):
    turn = trip(asked)
    return Turn([Redacted(), *turn.parts], turn.stop)


# ---- other answers

@scenario
def person(asked):
    """JSON, when it was asked for: by a schema, or by a tool that has to be called."""
    told = {"name": "Ada", "age": 36}
    if asked.schema is None and asked.choice not in ("auto", "none"):
        return Turn([ToolCall(next(iter(asked.tools)), told)], "tool")
    return Turn([Text(json.dumps(told) if asked.schema else "Nobody asked for JSON.")])


@scenario
def cached(_):
    return Turn([Text(TEXT)], usage=Usage(input=10, output=7, cache_read=1000, cache_write=200))


@scenario
def cut(_):
    return Turn([Text("This answer is cut o")], "length")


@scenario
def sequence(asked):
    return Turn([Text("one two ")], "sequence", sequence=(asked.stop or ["END"])[0])


@scenario
def filtered(_):
    return Turn([Text("I can")], "filter")


@scenario
def refusal(_):
    return Turn([Refusal("I will not help with that.")], "refusal")


@scenario
def breaks(_):
    return Turn([Text(TEXT * 4)], breaks="error")


@scenario
def gone(_):
    return Turn([Text(TEXT * 4)], breaks="gone")


# ---- errors

def _failing(status: int, **more):
    SCENARIOS[f"error-{status}"] = lambda _: Failure(status, f"the stand-in says {status}", **more)


for _status in (400, 401, 403, 404, 413, 422, 500, 503, 529):
    _failing(_status)
_failing(429, headers={"retry-after": "1"})


@scenario
def too_long(_):
    return Failure(400, "", code="context_length_exceeded")      # each provider has words of its own


@scenario
def flaky(asked, earlier):
    """Refused once, with a moment to wait; then it is answered."""
    return plain(asked) if earlier else SCENARIOS["error-429"](asked)
