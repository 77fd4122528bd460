"""Real processes of prom for tests: web, clock and commands, each ended by whoever started it."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path

from tests import servers
from tests.doubles.twilio_api import ACCOUNT_SID, AUTH_TOKEN, OWN_NUMBER

ROOT = Path(__file__).resolve().parents[1]


@dataclass
class Clinic:
    """One instance and the processes running on it."""

    instance: Path
    environment: dict[str, str]
    port: int = field(default_factory=servers.free_port)
    running: list[subprocess.Popen] = field(default_factory=list)

    def prom(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess:
        """Run one command to its end."""
        return subprocess.run(
            [sys.executable, "-m", "prom", *arguments],
            env=self.environment,
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=check,
            timeout=120,
        )

    def state(self) -> dict:
        return json.loads(self.prom("state", "--json").stdout)

    def start(self, *arguments: str) -> subprocess.Popen:
        """Start a process of prom, with its own process group."""
        process = subprocess.Popen(
            [sys.executable, "-m", *arguments],
            env=self.environment,
            cwd=ROOT,
            start_new_session=True,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        self.running.append(process)
        return process

    def serve(self, *more: str) -> subprocess.Popen:
        """Start the web process and wait until it answers."""
        process = self.start("prom", "serve", "--port", str(self.port), *more)
        for _ in range(300):
            if self.answers():
                return process
            assert process.poll() is None, "prom serve ended"
            time.sleep(0.05)
        raise AssertionError("prom serve does not answer")

    def answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/healthz", timeout=1) as answer:
                return answer.status == 200
        except OSError:
            return False

    def kill(self, process: subprocess.Popen) -> None:
        """Kill a process and its workers with SIGKILL."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait(timeout=10)
        self.running.remove(process)

    def stop(self, process: subprocess.Popen) -> int:
        """Ask a process to stop and return its exit code."""
        process.send_signal(signal.SIGTERM)
        code = process.wait(timeout=20)
        self.running.remove(process)
        return code

    def end(self) -> None:
        for process in list(self.running):
            self.kill(process)


def twilio_environment(instance: Path, api_url: str, **more: str) -> dict[str, str]:
    """Return the environment of a rehearsal with the real Twilio client."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PROM_", "TWILIO_"))}
    return {
        **kept,
        "PROM_INSTANCE": str(instance),
        "PROM_GATEWAY": "twilio",
        "TWILIO_ACCOUNT_SID": ACCOUNT_SID,
        "TWILIO_AUTH_TOKEN": AUTH_TOKEN,
        "PROM_TWILIO_FROM": OWN_NUMBER,
        "PROM_TWILIO_API_URL": api_url,
        "PROM_PUBLIC_URL": "https://clinic.example/prom",
        "PROM_TICK_SECONDS": "0.2",
        "PROM_SEND_RATE": "1000",
        "PROM_GRACE_SECONDS": "12",
        "PROM_LEASE_SECONDS": "3",
        **more,
    }


def wait_for(condition, seconds: float = 30.0, what: str = "it"):
    """Return the condition's first true value, or fail after some seconds."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if value := condition():
            return value
        time.sleep(0.1)
    raise AssertionError(f"{what} did not happen within {seconds:g} s")
