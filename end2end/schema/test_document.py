"""Asks the router what its OpenAPI document says that one can ask: well-formed, malformed and at random. It may
answer no 5xx, no status and no content type that the document does not name, and no body that it does not describe.

A random number is nobody's id, so that every other request names something that was made for it; and each operation
has to succeed once, or else its good answer would not have been looked at."""
import itertools
import os

import httpx
import pytest
import schemathesis
from conftest import ADMIN_PASSWORD, MASTER_KEY
from hypothesis import HealthCheck, Phase, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

URL = os.environ["ROUTER_URL"]
EXAMPLES = 20
CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
ADMIN = httpx.Client(base_url=URL, headers={"authorization": f"Bearer {MASTER_KEY}"}, timeout=30)
PASSWORD = "a password of one's own"

numbers = itertools.count(1)


def admin(method: str, path: str, body=None):
    answer = ADMIN.request(method, path, json=body)
    assert answer.is_success, f"{method} {path}: {answer.status_code} {answer.text}"
    return answer.json() if answer.content else None


def name() -> str:
    return f"made-{next(numbers)}"


def user() -> dict:
    return admin("POST", "/admin/users", {"name": name()})


def key() -> int:
    return admin("POST", f"/admin/users/{user()['id']}/keys", {"label": "k"})["id"]


def team() -> int:
    return admin("POST", "/admin/teams", {"name": name()})["id"]


def team_with_member() -> dict:
    team_id, user_id = team(), user()["id"]
    admin("POST", f"/admin/teams/{team_id}/members", {"user_id": user_id})
    return {"id": team_id, "user": user_id}


def backend() -> int:
    body = {"name": name(), "kind": "demo", "models": [{"model": name()}]}
    return admin("POST", "/admin/backends", body)["id"]


def group() -> int:
    members = [{"backend": "demo", "model": "demo"}]
    return admin("POST", "/admin/groups", {"name": name(), "strategy": "priority", "members": members})["id"]


def rewrite() -> int:
    return admin("POST", "/admin/rewrites", {"source": name(), "target": "demo"})["id"]


def script() -> int:
    code = "function onRequest(c) { return c; }"
    body = {"name": name(), "script_type": "global", "script_code": code, "is_active": False}
    return admin("POST", "/admin/scripts", body)["id"]


def deployment() -> int:
    return admin("GET", "/admin/prices")[0]["deployment_id"]


def secret() -> str:
    named = f"SECRET_{next(numbers)}"
    admin("PUT", f"/admin/script-secrets/{named}", {"value": "v"})
    return named


def session() -> dict:
    """A user who is signed in to the dashboards."""
    fresh = user()
    form = {"name": fresh["name"], "password": fresh["password"], "next": ""}
    answer = httpx.post(f"{URL}/_fn/sign-in", data=form, headers={"origin": URL, "sec-fetch-site": "same-origin"})
    assert answer.status_code in (200, 302, 303), answer.text
    handle = admin("GET", f"/admin/users/{fresh['id']}/sessions")[0]["handle"]
    return {"id": fresh["id"], "handle": handle}


def user_token() -> str:
    """Of a user who has chosen a password."""
    fresh = user()
    body = {"username": fresh["name"], "password": fresh["password"]}
    first = httpx.post(f"{URL}/user/login", json=body).json()["token"]
    body = {"current_password": fresh["password"], "new_password": PASSWORD}
    answer = httpx.post(f"{URL}/user/change-password", json=body, headers={"x-user-token": first})
    return answer.json()["token"]


# What the variable parts of a path are, by how the path begins; the longest that fits.
MADE = {
    "/admin/users/{id}": lambda: {"id": user()["id"]},
    "/admin/users/{id}/sessions/{handle}": session,
    "/admin/keys/{key}": lambda: {"key": key()},
    "/admin/teams/{id}": lambda: {"id": team()},
    "/admin/teams/{id}/members/{user}": team_with_member,
    "/admin/tokens/{token}": lambda: {"token": admin("POST", "/admin/tokens", {"name": name()})["id"]},
    "/admin/backends/{id}": lambda: {"id": backend()},
    "/admin/groups/{id}": lambda: {"id": group()},
    "/admin/rewrites/{id}": lambda: {"id": rewrite()},
    "/admin/permissions/": lambda: {"id": 1},
    "/admin/prices/{deployment}": lambda: {"deployment": deployment()},
    "/admin/scripts/{id}": lambda: {"id": script()},
    "/admin/script-secrets/{name}": lambda: {"name": secret()},
}


def body_of(method: str, path: str):
    """A body that fits what there is, where one at random would hardly do."""
    member = {"backend": "demo", "model": "demo"}
    bodies = {
        "/admin/login": lambda: {"username": "admin", "password": ADMIN_PASSWORD},
        "/user/login": lambda: (lambda u: {"username": u["name"], "password": u["password"]})(user()),
        "/user/change-password": lambda: {"current_password": PASSWORD, "new_password": PASSWORD + "!"},
        "/admin/users/{id}": lambda: {"monthly_budget": "12.5", "reset_spend": True},
        "/admin/users/{id}/keys": lambda: {"label": "k", "tags": ["t"]},
        "/admin/users/{id}/link": lambda: {"kind": "reset"},
        "/admin/keys/{key}": lambda: {"label": "other", "daily_budget": 2},
        "/admin/keys/{key}/rotate": lambda: {"overlap_seconds": 60},
        "/admin/teams": lambda: {"name": name()},
        "/admin/teams/{id}": lambda: {"name": name()},
        "/admin/teams/{id}/members": lambda: {"user_id": user()["id"], "role": "owner"},
        "/admin/teams/{id}/keys": lambda: {"label": "k"},
        "/admin/users": lambda: {"name": name()},
        "/admin/tokens": lambda: {"name": name(), "scope": "read"},
        "/admin/permissions": lambda: {"user_id": user()["id"], "backend_id": backend()},
        "/admin/backends": lambda: {"name": name(), "kind": "demo", "models": [{"model": name()}]},
        "/admin/backends/test": lambda: {"name": name(), "kind": "demo", "models": [{"model": name()}]},
        "/admin/backends/{id}": lambda: {"priority": 7} if method == "PATCH" else {"name": name(), "kind": "demo", "models": [{"model": name()}]},
        "/admin/groups": lambda: {"name": name(), "strategy": "weighted", "members": [member]},
        "/admin/groups/{id}": lambda: {"name": name(), "strategy": "weighted", "members": [member]},
        "/admin/rewrites": lambda: {"source": name(), "target": "demo"},
        "/admin/rewrites/{id}": lambda: {"source": name(), "target": "demo"},
        "/admin/prices/{deployment}": lambda: {"input": 1, "output": "2.5", "service_tiers": [{"tier": "batch", "input": 1, "output": 1}]},
        "/admin/reload": lambda: {"dry_run": True},
        "/admin/route/explain": lambda: {"model": "demo"},
        "/admin/scripts": lambda: {"name": name(), "script_type": "global", "script_code": "function onRequest(c) {}", "is_active": False},
        "/admin/scripts/{id}": lambda: {"script_code": "function onRequest(c) {}"},
        "/admin/scripts/{id}/test": lambda: {"request": {"model": "demo"}},
        "/admin/scripts/{id}/rollback": lambda: {"version": 1},
        "/admin/script-secrets/{name}": lambda: {"value": "v"},
    }
    made = bodies.get(path)
    return made() if made else None


def made_for(path: str) -> dict:
    """What the variable parts of a path may be."""
    if path.startswith("/admin/scripts/type/"):
        return {"type": "global"}
    if path.endswith("/models/{name}"):
        return {"name": "demo"}
    beginnings = [begin for begin in MADE if path.startswith(begin)]
    return MADE[max(beginnings, key=len)]() if beginnings else {}


def credential(path: str, token: str) -> dict:
    return {"x-user-token": token} if path.startswith("/user/") else {"authorization": f"Bearer {MASTER_KEY}"}


schema = schemathesis.openapi.from_url(f"{URL}/openapi.json")
# What models' clients ask is in the words of other dialects, which other suites speak.
schema = schema.exclude(path_regex=r"/(completions|responses|embeddings|messages|moderations|rerank|count_tokens)$|/images/|/audio/")
OPERATIONS = sorted(operation.ok().label for operation in schema.get_all_operations())
TOKEN = user_token()
IN_GENERAL = settings(
    max_examples=EXAMPLES, derandomize=True, deadline=None, database=None,
    suppress_health_check=list(HealthCheck), phases=[Phase.generate],
)


@schema.parametrize()
@IN_GENERAL
def test_operation(case):
    path = case.operation.path
    if case.path_parameters and next(numbers) % 2:
        case.path_parameters = made_for(path)
    answer = case.call(headers=credential(path, TOKEN))
    case.validate_response(answer, checks=CHECKS)


@pytest.mark.parametrize("label", OPERATIONS)
def test_operation_succeeds(label):
    """By what was made for it, and the answer is as described."""
    method, path = label.split(" ", 1)
    query = {}
    if label == "DELETE /admin/permissions":
        query = {"user_id": user()["id"], "backend_id": backend()}
        admin("POST", "/admin/permissions", query)
    if label == "DELETE /admin/prices/{deployment}":
        admin("PUT", f"/admin/prices/{deployment()}", {"input": 1, "output": 2})
    body = body_of(method, path)
    more = {} if body is None else {"body": body, "media_type": "application/json"}
    case = schema[path][method].Case(path_parameters=made_for(path), query=query, **more)
    answer = case.call(headers=credential(path, user_token()))
    assert answer.status_code < 300, f"{answer.status_code} {answer.text}"
    case.validate_response(answer, checks=CHECKS)
