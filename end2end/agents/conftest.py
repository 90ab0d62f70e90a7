"""A router whose every model is the stand-in's, and an account for the programs."""
import pytest

import router as router_under_test
import standin_backends
from standin import StandIn


@pytest.fixture(scope="session")
def standin():
    server = StandIn()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def account(standin, tmp_path_factory):
    server = standin_backends.start_router(tmp_path_factory.mktemp("router"), standin)
    yield router_under_test.new_account(server.url)
    server.stop()
