"""The providers, as far as a client can tell: one server that speaks OpenAI's, Anthropic's and Amazon Bedrock's APIs.

What its model says is scripted by a tag in the prompt (script.py). Each dialect is a module that reads a request,
refuses what the real service refuses, and writes the answer. Every request is kept, so that a test can look at what
arrived. It does not know of the router; test_standin.py holds it against the providers' own SDKs."""
from .prompt import Asked, Call, Picture, Result, tagged
from .server import Received, StandIn

__all__ = ["Asked", "Call", "Picture", "Received", "Result", "StandIn", "tagged"]
