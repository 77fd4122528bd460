"""Serve an app to a browser on this machine, for as long as a test lasts."""

import contextlib
import threading

from werkzeug.serving import make_server


@contextlib.contextmanager
def served(app, port=0):
    """Serve an app and give its address; without a port on a free one."""
    server = make_server("127.0.0.1", port, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()
