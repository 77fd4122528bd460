"""The `prom` command on an instance of its own."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

PASSWORD = "seven slow herons wade"


@pytest.fixture
def prom(instance: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Return a function that runs one command as a process and gives back what it said."""

    def run(*arguments: str, said: str = "", **environ: str) -> subprocess.CompletedProcess[str]:
        env = {name: value for name, value in os.environ.items() if not name.startswith(("PROM_", "TWILIO_"))}
        return subprocess.run(
            [sys.executable, "-m", "prom", *arguments],
            env=env | {"PROM_INSTANCE": str(instance)} | environ,
            input=said,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    return run
