"""What the page of a new user says to paste for the coding programs, pasted: each program makes its call and tells
what the model said. The programs are called by shims of their names, which add only that they are to run without questions."""
import html
import os
import re
import stat
import subprocess

import httpx
import pytest

import standin_backends
from programs import CLAUDE_CODE, CODEX, PACKAGES, QWEN_CODE, SECONDS
from standin import tagged
from standin.script import TEXT

SHIMS = {"claude-code": ("claude", CLAUDE_CODE), "codex": ("codex", CODEX), "qwen-code": ("qwen", QWEN_CODE)}
PLACEHOLDER = "PASTE-YOUR-KEY-HERE"


def pages(account) -> httpx.Client:
    """The user's own pages, signed in, with a password of their own."""
    client = httpx.Client(base_url=account.url, timeout=30, headers={"sec-fetch-site": "same-origin"})

    def post(path, form):
        answer = client.post(path, data=form)
        assert answer.status_code < 400, answer.text

    first, own = account.fields["password"], f"{account.fields['password']}-own"
    for password in (first, own):
        post("/_fn/sign-in", {"name": account.name, "password": password, "next": ""})
        if password == first:
            post("/_fn/account/password", {"current": first, "password": own, "repeat": own})
    return client


@pytest.fixture(scope="module")
def connect(account):
    """The texts of the page, for a model: connect(model)[client]."""
    client = pages(account)

    def texts(model):
        page = client.get("/user-ui/connect", params={"model": model}).text
        found = re.findall(r'<pre[^>]* data-client="([^"]+)"[^>]*>(.*?)</pre>', page, re.DOTALL)
        return {name: html.unescape(re.sub(r"<[^>]+>", "", text)).strip() for name, text in found}
    return texts


@pytest.mark.parametrize("client,kind", [("claude-code", "compatible"), ("codex", "anthropic"), ("qwen-code", "anthropic")])
def test_a_text_works_as_pasted(standin, account, connect, tmp_path, client, kind):
    text = connect(standin_backends.model(kind))[client]
    assert PLACEHOLDER in text and account.url in text, text
    name, program = SHIMS[client]
    script, *flags = program.command
    prompt, run = tagged("plain")
    shim = tmp_path / "bin" / name
    shim.parent.mkdir()
    # What the snippet gives comes first: options of the program, or of its command.
    given = '"$@"' if client != "codex" else ""
    after = '"$@"' if client == "codex" else ""
    shim.write_text(f'#!/bin/sh\nexec node {PACKAGES / script} {given} {" ".join(flags)} {after} "$PROMPT"\n')
    shim.chmod(shim.stat().st_mode | stat.S_IXUSR)
    env = {
        "PATH": f"{shim.parent}:{os.environ['PATH']}", "HOME": str(tmp_path), "PROMPT": f"{prompt} Say hello.", "NO_PROXY": "127.0.0.1,localhost",
        # Not the snippet's business: questions, updates and reports.
        "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1", "DISABLE_AUTOUPDATER": "1", "DISABLE_TELEMETRY": "1", "IS_SANDBOX": "1",
    }
    done = subprocess.run(["bash", "-c", text.replace(PLACEHOLDER, account.key)], cwd=tmp_path, env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=SECONDS)
    assert done.returncode == 0, f"{text}\n{done.stdout}\n{done.stderr}"
    assert TEXT in done.stdout, f"{done.stdout}\n{done.stderr}"
    assert standin.of(run), "the provider was not asked"
