"""Conversations held by the official clients: one interface, three dialects, whole answers or streams.

A talk keeps its history as a program would, by giving back what the client made of each answer. What an answer says is
kept in the dialect's own terms (`stop`, how `usage` counts), since those are what tests look at."""
from .chat import ChatTalk
from .messages import MessagesTalk
from .responses import ResponsesTalk
from .talk import Answer, BrokenAnswer, Talk

TALKS = {"chat": ChatTalk, "responses": ResponsesTalk, "messages": MessagesTalk}

__all__ = ["TALKS", "Answer", "BrokenAnswer", "ChatTalk", "MessagesTalk", "ResponsesTalk", "Talk"]
