"""The tests of translation: a router whose backends of every kind are the stand-in."""
import pytest

import router as router_under_test
import standin_backends
from standin import StandIn
from talks import TALKS


@pytest.fixture(scope="session")
def standin():
    server = StandIn()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def router(serve, standin, tmp_path_factory):
    return serve(standin_backends.start_router(tmp_path_factory.mktemp("translating-router"), standin))


@pytest.fixture(scope="session")
def caller(router):
    """One account for all tests that do not look at what was spent: its clients are made once."""
    return router_under_test.new_account(router.url)


@pytest.fixture
def begin(caller):
    """Begins a talk: begin("chat", "converse", stream=True, tools=True)."""
    return lambda client, kind, **settings: TALKS[client](caller, standin_backends.model(kind), **settings)
