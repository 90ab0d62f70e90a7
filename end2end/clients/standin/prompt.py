"""A request as every dialect's reader understands it, and the tag by which a prompt picks what is answered.

It holds what the script and the tests look at and no more: what else a request says is in its body."""
import re
import secrets
from dataclasses import dataclass, field

_TAG = re.compile(r"\[\[([a-z0-9-]+):([0-9a-f]+)\]\]")


@dataclass(frozen=True)
class Call:
    """A call of a tool that an earlier answer made."""
    id: str
    name: str
    arguments: dict


@dataclass(frozen=True)
class Picture:
    media_type: str
    data: bytes


@dataclass(frozen=True)
class Result:
    """What a tool returned."""
    id: str
    text: str
    error: bool = False


@dataclass
class Asked:
    """One request."""
    system: list[str] = field(default_factory=list)
    # What the user said, oldest first, and without what tools said.
    texts: list[str] = field(default_factory=list)
    pictures: list[Picture] = field(default_factory=list)
    # Offered tools: name -> JSON Schema of the arguments.
    tools: dict[str, dict] = field(default_factory=dict)
    # Tool choice: "auto", "none", "any", or the name of the tool that has to be called.
    choice: str = "auto"
    calls: list[Call] = field(default_factory=list)
    results: list[Result] = field(default_factory=list)
    # (text, signature) of earlier thinking; the proof alone where there is no text.
    thinking: list[tuple[str, str | None]] = field(default_factory=list)
    redacted: list[str] = field(default_factory=list)
    # JSON Schema that the answer has to follow.
    schema: dict | None = None
    stop: list[str] = field(default_factory=list)
    # How many places of the prompt are marked to be cached.
    cache_marks: int = 0

    @property
    def tag(self) -> tuple[str, str | None]:
        """(scenario, run) of the last text that has a tag."""
        for text in reversed(self.texts):
            if found := _TAG.findall(text):
                return found[-1]
        return "plain", None


def tagged(scenario: str) -> tuple[str, str]:
    """A prompt that makes the stand-in act a scenario, and the run under which its requests are found again."""
    run = secrets.token_hex(8)
    return f"What do you say? [[{scenario}:{run}]]", run
