"""Coding programs do a task of two steps through the router, with a provider of another dialect behind it.

The task: show a file, which names another one, show that, and tell what it holds. Only a program whose tool calls get
to it, and whose results get back to the model, can know the end."""
import secrets

import pytest

import standin_backends
from programs import CLAUDE_CODE, CODEX, QWEN_CODE
from standin import tagged


@pytest.mark.parametrize("program,kind", [(CLAUDE_CODE, "compatible"), (CLAUDE_CODE, "converse"), (CODEX, "anthropic"), (CODEX, "invoke"), (QWEN_CODE, "anthropic")], ids=str)
def test_a_task_of_two_steps(standin, account, tmp_path, program, kind):
    treasure = f"a walnut and {secrets.token_hex(4)}"
    (tmp_path / "first.txt").write_text(f"next: {tmp_path}/second.txt\n")
    (tmp_path / "second.txt").write_text(f"{treasure}\n")
    prompt, run = tagged("trail")
    before = len(standin.received)

    done = program.run(account, standin_backends.model(kind), f"{prompt} next: {tmp_path}/first.txt", tmp_path)

    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    assert "The trail ends with:" in done.stdout and treasure in done.stdout, f"{done.stdout}\n{done.stderr}"
    arrived = standin.received[before:]
    assert {received.dialect for received in arrived} == {"chat" if kind == "compatible" else "messages" if kind == "anthropic" else kind}
    assert all(received.asked for received in arrived), "the provider refused a request"
    last = standin.of(run)[-1].asked
    first, second = last.results
    assert "second.txt" in first.text and treasure in second.text
    assert [call.id for call in last.calls] == [first.id, second.id]
    if kind != "compatible" and program is not QWEN_CODE:
        # What Claude thought before each call has come back with its proof, which the stand-in checks.
        assert len(last.thinking) == 2
