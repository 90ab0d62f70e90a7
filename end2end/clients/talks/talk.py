"""What all talks have in common: the settings, the turns, and what an answer is."""
from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import Any, ClassVar

from router import Account
from standin import Call, Picture, Result


@dataclass
class Answer:
    """One answer, as the client understood it."""
    text: str = ""
    # (text, proof); the proof is None where the dialect gave none.
    thinking: list[tuple[str, str | None]] = field(default_factory=list)
    redacted: list[str] = field(default_factory=list)
    calls: list[Call] = field(default_factory=list)
    refusal: str = ""
    # In the dialect's own words.
    stop: str | None = None
    sequence: str | None = None
    usage: dict[str, int] = field(default_factory=dict)
    model: str = ""


class BrokenAnswer(Exception):
    """A stream that ended with an event of an error, where the client hands that on instead of raising it."""


@dataclass
class Talk(ABC):
    """A conversation."""
    account: Account
    model: str
    stream: bool = False
    thinking: bool = False
    tools: bool = False
    schema: dict | None = None
    stop: list[str] | None = None
    # More of the request, in the dialect's own terms.
    more: dict = field(default_factory=dict)
    # How often the client asks again after an error.
    retries: int = 0
    history: list = field(default_factory=list)

    # How this dialect calls the ways in which an answer ends.
    STOPS: ClassVar[dict[str, str]]

    def say(self, text: str, *pictures: Picture) -> Answer:
        """The user's turn, and the answer to it."""
        self.history += [self.user(text, pictures)]
        return self.answer()

    def give(self, *results: Result) -> Answer:
        """What the tools returned, and the answer to it."""
        self.history += self.returned(results)
        return self.answer()

    @abstractmethod
    def user(self, text: str, pictures: tuple[Picture, ...]) -> dict:
        """The item of history for a user's turn."""

    @abstractmethod
    def returned(self, results: tuple[Result, ...]) -> list[dict]:
        """The items of history for the results of tools."""

    @abstractmethod
    def request(self) -> dict:
        """The request as the client's keyword arguments."""

    @abstractmethod
    def answer(self) -> Answer:
        """Asks, and adds the answer to the history."""

    @abstractmethod
    def raw(self, **client) -> Any:
        """Asks without streaming, by a client with these settings: its own object of the answer with its headers."""
