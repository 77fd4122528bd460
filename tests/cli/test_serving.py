"""The server that `prom serve` starts: no banner, and no address in what it logs."""

import os
import signal
import socket
import subprocess
import sys
import time
from http.client import HTTPConnection

TOKEN = "CANARYTOKENCANARYTOKEN"


def test_the_server_names_no_software_and_logs_no_address(instance):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    env = {name: value for name, value in os.environ.items() if not name.startswith(("PROM_", "TWILIO_"))}
    server = subprocess.Popen(
        [sys.executable, "-m", "prom", "serve", "--port", str(port)],
        env=env | {"PROM_INSTANCE": str(instance)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        wait_for(port)
        banners = {asked(port, path) for path in ("/healthz", f"/a/{TOKEN}", f"/setup/{TOKEN}", f"/nowhere/{TOKEN}")}
    finally:
        server.send_signal(signal.SIGTERM)
        said, _ = server.communicate(timeout=20)
    assert banners == {"prom"}
    assert TOKEN not in said
    assert "GET" not in said


def wait_for(port):
    for _ in range(100):
        try:
            asked(port, "/healthz")
        except OSError:
            time.sleep(0.2)
        else:
            return


def asked(port, path):
    connection = HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        answer.read()
        return answer.headers["Server"]
    finally:
        connection.close()
