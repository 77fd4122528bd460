"""Running prom: serve, clock, demo, seed, state."""

import argparse
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from typing import Any

from prom.cli import CommandError


def add(commands: Any) -> None:
    """Add the commands of this module."""
    serve = commands.add_parser("serve", help="serve the web pages and webhooks")
    serve.add_argument("--host", default="127.0.0.1")
    serve.add_argument("--port", type=int, default=int(os.environ.get("PORT", "5000")))
    serve.add_argument("--with-clock", action="store_true", help="run the clock beside it")
    serve.add_argument("--workers", type=int, default=1, help="web processes; PostgreSQL only")
    serve.set_defaults(run=_serve)
    clock = commands.add_parser("clock", help="send what is due and keep everything current")
    clock.add_argument("--once", action="store_true", help="run every job once and stop")
    clock.set_defaults(run=_clock)
    demo = commands.add_parser("demo", help="a synthetic clinic with simulated phones, ready to look at")
    demo.add_argument("--host", default="127.0.0.1")
    demo.add_argument("--port", type=int, default=int(os.environ.get("PORT", "5000")))
    demo.add_argument("--patients", type=int, default=60)
    demo.add_argument("--fresh", action="store_true", help="throw the old demo away first")
    demo.set_defaults(run=_demo)
    seed = commands.add_parser("seed", help="add synthetic patients, some with a text due now (rehearsals)")
    seed.add_argument("--patients", type=int, required=True)
    seed.add_argument("--due", type=int, default=0)
    seed.add_argument("--seed", type=int, default=1)
    seed.set_defaults(run=_seed)
    state = commands.add_parser("state", help="messages, replies and scores, for rehearsals")
    state.add_argument("--json", action="store_true")
    state.add_argument("--counts", action="store_true")
    state.set_defaults(run=_state)


def _serve(options: argparse.Namespace) -> None:
    from prom import config, wiring

    settings = config.read()
    if options.workers > 1 and settings.sqlite:
        raise CommandError("SQLite takes one web process: use --workers 1 or PostgreSQL")
    # What keeps it from starting is said here in one line: in the server's own processes it drowns in their log.
    wiring.check_start(settings)
    child = _start_clock() if options.with_clock else None
    try:
        _gunicorn(options.host, options.port, options.workers)
    finally:
        if child and child.poll() is None:
            child.send_signal(signal.SIGTERM)
            child.wait(timeout=15)


def _start_clock() -> subprocess.Popen[bytes]:
    # --parent: the clock ends by itself when this process is gone, however it went.
    return subprocess.Popen([sys.executable, "-m", "jobs", "--parent", str(os.getpid())])  # noqa: S603


def _gunicorn(host: str, port: int, workers: int) -> None:
    from gunicorn.app.base import BaseApplication
    from gunicorn.http import wsgi

    # The banner is no setting of gunicorn; which server this is nobody outside needs to know.
    wsgi.SERVER = "prom"

    class Server(BaseApplication):  # type: ignore[misc]
        def load_config(self) -> None:
            for name, value in {
                "bind": f"{host}:{port}",
                "workers": workers,
                "worker_class": "gthread",
                "threads": 8,
                "timeout": 60,
                "graceful_timeout": 10,
                "keepalive": 5,
                "loglevel": "warning",
                "control_socket_disable": True,
            }.items():
                if name in self.cfg.settings:
                    self.cfg.set(name, value)

        def load(self) -> Callable[..., Any]:
            from prom.app import create_app

            return create_app()

    sys.argv = [sys.argv[0]]
    sys.stdout.write(f"prom listens on http://{host}:{port}\n")
    sys.stdout.flush()
    Server().run()


def _clock(options: argparse.Namespace) -> int:
    command = [sys.executable, "-m", "jobs", *(["--once"] if options.once else [])]
    child = subprocess.Popen(command)  # noqa: S603
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda received, _frame: child.send_signal(received))
    return child.wait()


def _demo(options: argparse.Namespace) -> None:
    from prom import config, wiring
    from prom.services import demo
    from prom.storage import migrating, vault

    os.environ["PROM_DEMO"] = "1"
    os.environ.setdefault("PROM_SEND_RATE", "100")
    os.environ["PORT"] = str(options.port)
    settings = config.read()
    if settings.live:
        raise CommandError("the demo never runs beside a live gateway")
    settings.instance.mkdir(parents=True, exist_ok=True)
    if options.fresh or not (settings.instance / demo.READY).exists():
        # A seed that was stopped half-way is made again from the start.
        demo.clear(settings)
    vault.make_keys(settings.instance / "keys")
    migrating.upgrade(settings.database_url)
    wiring.mark_demo(settings)
    app = wiring.open_app(settings)
    demo.build(app.store, app.gateway, app.settings, app.clock, options.patients, _progress("Seeding the clinic"))
    sys.stdout.write(f"\nOpen http://{options.host}:{options.port}/ and sign in as\n")
    for email, password, role in demo.SIGN_INS:
        sys.stdout.write(f"  {role:<12} {email}  password: {password}\n")
    sys.stdout.write(f"Simulated phones: http://{options.host}:{options.port}/sim\nCtrl-C ends the demo.\n\n")
    sys.stdout.flush()
    app.store.engine.dispose()
    _serve(argparse.Namespace(host=options.host, port=options.port, workers=1, with_clock=True))


def _progress(title: str) -> Callable[[int, int], None]:
    """Return a function that shows progress: a bar on a terminal, plain lines elsewhere."""
    terminal = sys.stderr.isatty()
    shown = -1

    def show(done: int, total: int) -> None:
        nonlocal shown
        percent = 100 * done // max(total, 1)
        if terminal:
            bar = "#" * (percent // 4)
            sys.stderr.write(f"\r{title} [{bar:<25}] {percent} %" + ("\n" if done >= total else ""))
        elif percent // 20 > shown:
            shown = percent // 20
            sys.stderr.write(f"{title}: {percent} %\n")
        sys.stderr.flush()

    return show


def _opened() -> Any:
    from prom import config, wiring

    return wiring.open_app(config.read())


def _seed(options: argparse.Namespace) -> None:
    from prom import config, wiring
    from prom.services import seeding

    if options.patients < 1 or not 0 <= options.due <= options.patients:
        raise CommandError("--patients is 1 or more, and --due from 0 to --patients")
    settings = config.read()
    if not settings.live:
        # An instance that is not set up yet is not marked: it may become the clinic's own.
        wiring.check_start(settings)
    wiring.mark_demo(settings)
    app = wiring.open_app(settings)
    seeding.seed(app.store, options.patients, options.due, options.seed, app.clock.now())
    sys.stdout.write(f"{options.patients} synthetic patients, {options.due} with a text due now.\n")


def _state(options: argparse.Namespace) -> None:
    from prom.services import seeding
    from prom.storage import rehearsal

    app = _opened()
    with app.store.reading() as session:
        state = rehearsal.counts(session) if options.counts else seeding.state(session)
    sys.stdout.write(json.dumps(state) + "\n")
