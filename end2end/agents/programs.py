"""How to start each coding program without a terminal, without questions, and with the router as its only provider.

Their settings say what the router's documentation tells people to set. What they would fetch or report beside the task
is switched off, and what they would still reach for ends at a proxy that is not there."""
import os
import signal
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Callable

from router import Account
from servers import free_port

PACKAGES = Path(os.environ["AGENTS"]) / "node_modules"
SECONDS = 90


@dataclass(frozen=True)
class Program:
    name: str
    # Relative to the folder of the packages; the prompt comes last.
    command: tuple[str, ...]
    # (account, model, home folder) -> environment; may write configuration files to the home folder.
    settings: Callable[[Account, str, Path], dict[str, str]]

    def __str__(self):
        return self.name

    def run(self, account: Account, model: str, prompt: str, home: Path) -> subprocess.CompletedProcess:
        """Runs the program in its home folder to its end, which has to come within SECONDS."""
        nobody = f"http://127.0.0.1:{free_port()}"
        env = {"PATH": os.environ["PATH"], "HOME": str(home), "HTTP_PROXY": nobody, "HTTPS_PROXY": nobody, "NO_PROXY": "127.0.0.1,localhost", **self.settings(account, model, home)}
        script, *flags = self.command
        with subprocess.Popen(["node", PACKAGES / script, *flags, prompt], cwd=home, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              text=True, start_new_session=True) as process:
            try:
                out, err = process.communicate(timeout=SECONDS)
            except BaseException:
                # What it has started goes with it.
                os.killpg(process.pid, signal.SIGKILL)
                raise
        return subprocess.CompletedProcess(process.args, process.returncode, out, err)


def _claude_code(account, model, home):
    return {
        "ANTHROPIC_BASE_URL": account.url, "ANTHROPIC_AUTH_TOKEN": account.key, "ANTHROPIC_MODEL": model, "ANTHROPIC_SMALL_FAST_MODEL": model,
        "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1", "DISABLE_AUTOUPDATER": "1", "DISABLE_TELEMETRY": "1",
        # Otherwise it refuses to run without questions as root.
        "IS_SANDBOX": "1",
    }


def _codex(account, model, home):
    (home / ".codex").mkdir()
    (home / ".codex" / "config.toml").write_text(f"""
model = "{model}"
model_provider = "llm-router"
check_for_update_on_startup = false
[analytics]
enabled = false
[model_providers.llm-router]
name = "LLM Router"
base_url = "{account.url}/v1"
env_key = "LLM_ROUTER_KEY"
wire_api = "responses"
""")
    return {"LLM_ROUTER_KEY": account.key}


def _qwen_code(account, model, home):
    (home / ".qwen").mkdir()
    (home / ".qwen" / "settings.json").write_text('{"privacy": {"usageStatisticsEnabled": false}, "telemetry": {"enabled": false}, "general": {"enableAutoUpdate": false}}')
    return {"OPENAI_BASE_URL": f"{account.url}/v1", "OPENAI_API_KEY": account.key, "OPENAI_MODEL": model}


CLAUDE_CODE = Program("Claude Code", ("@anthropic-ai/claude-code/cli-wrapper.cjs", "--dangerously-skip-permissions", "-p"), _claude_code)
CODEX = Program("Codex", ("@openai/codex/bin/codex.js", "exec", "--skip-git-repo-check", "--dangerously-bypass-approvals-and-sandbox"), _codex)
QWEN_CODE = Program("Qwen Code", (".bin/qwen", "--yolo", "-p"), _qwen_code)
