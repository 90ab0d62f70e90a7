"""What the tests of translation are repeated for: every client, every kind of backend, whole answers and streams."""
import pytest

from standin_backends import CLAUDES, KINDS
from talks import TALKS

clients = pytest.mark.parametrize("client", TALKS)
kinds = pytest.mark.parametrize("kind", KINDS)
claudes = pytest.mark.parametrize("kind", CLAUDES)
streams = pytest.mark.parametrize("stream", [False, True], ids=["plain", "stream"])


def everywhere(test):
    """For every client, kind and way to answer."""
    return clients(kinds(streams(test)))


def claude_everywhere(test):
    """For every client and way to answer, where Claude answers."""
    return clients(claudes(streams(test)))
