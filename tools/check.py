"""Runs every check that needs no test and says which failed: python tools/check.py"""

import base64
import os
import secrets
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PYTHON = sys.executable
BIN = Path(PYTHON).parent


def production() -> dict[str, str]:
    """Variables of a production portal, with keys that live as long as this run."""
    return {
        "CANBAO_DEMO": "0",
        "SECRET_KEY": secrets.token_urlsafe(64),
        "FIELD_KEYS": f"check:{base64.b64encode(secrets.token_bytes(32)).decode()}",
        "INDEX_KEY": base64.b64encode(secrets.token_bytes(32)).decode(),
        "ALLOWED_HOSTS": "portal.invalid",
        "SMS_GATEWAY_URL": "https://sms.invalid/",
    }


def checks(folder: str) -> list[tuple[str, list[str], dict[str, str]]]:
    """Name, command and variables of each check; `folder` is for what they store."""
    demo = {"CANBAO_VAR_DIR": folder}
    manage = [PYTHON, "-W", "error::DeprecationWarning:portal", "manage.py"]
    return [
        ("lint", [str(BIN / "ruff"), "check", "."], {}),
        ("format", [str(BIN / "ruff"), "format", "--check", "."], {}),
        ("types", [str(BIN / "mypy")], demo),
        ("imports", [str(BIN / "lint-imports"), "--no-cache"], demo),
        ("system", [*manage, "check", "--fail-level", "WARNING"], demo),
        ("migrations", [*manage, "makemigrations", "--check", "--dry-run"], demo),
        ("deployment", [*manage, "check", "--deploy", "--fail-level", "WARNING"], {**demo, **production()}),
        ("templates", [str(BIN / "djlint"), "templates", "--lint", "--quiet"], {}),
    ]


def main() -> int:
    """Runs all checks, whatever fails, and returns the number of failures."""
    failures = []
    with tempfile.TemporaryDirectory(prefix="canbao-check-") as folder:
        for name, command, environment in checks(folder):
            began = time.monotonic()
            result = subprocess.run(
                command,
                cwd=ROOT,
                env={**os.environ, **environment},
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
            )
            word = "failed" if result.returncode else "ok"
            print(f"{name:<12} {word:<7} {time.monotonic() - began:5.1f} s", flush=True)
            if result.returncode:
                failures.append(name)
                print(result.stdout, flush=True)
    if failures:
        print(f"Failed: {', '.join(failures)}")
    return len(failures)


if __name__ == "__main__":
    raise SystemExit(main())
