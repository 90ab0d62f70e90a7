"""The servers of a test run, started once, and an account for each test."""
import contextlib

import pytest

import litellm_proxy
import router as router_under_test
from upstream import Upstream

_router_output = pytest.StashKey()


@pytest.fixture(scope="session")
def litellm(tmp_path_factory):
    server = litellm_proxy.start(tmp_path_factory.mktemp("litellm"))
    yield server
    server.stop()


@pytest.fixture(scope="session")
def upstream():
    server = Upstream()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def serve(request):
    """Takes a router that has been started, until the end of the run. A test that fails shows the end of its log."""
    with contextlib.ExitStack() as routers:
        def serve(server):
            request.config.stash[_router_output] = server.output
            routers.callback(stop_in_peace, server)
            return server
        yield serve


def stop_in_peace(server):
    assert server.stop() == 0, f"SIGTERM should end the router in peace:\n{server.output()}"


@pytest.fixture(scope="session")
def router(serve, litellm, upstream, tmp_path_factory):
    backends = router_under_test.backends(litellm.url, upstream.url)
    return serve(router_under_test.start(tmp_path_factory.mktemp("router"), backends, router_under_test.GROUPS))


@pytest.fixture
def new_account(router):
    """Makes accounts: new_account(daily_budget=0.5)."""
    return lambda **budgets: router_under_test.new_account(router.url, **budgets)


@pytest.fixture
def account(new_account):
    """An account without a budget that no other test uses."""
    return new_account()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item):
    report = yield
    output = item.config.stash.get(_router_output, None)
    if report.failed and output:
        report.sections.append(("end of the router's log", output(3000)))
    return report
