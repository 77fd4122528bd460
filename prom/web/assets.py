"""Static files: immutable when their address carries a version, pre-compressed where a .gz lies beside them."""

import hashlib
import mimetypes
from functools import cache
from pathlib import Path

from flask import Blueprint, Response, abort, request, url_for
from flask.typing import ResponseReturnValue

from prom.web import guards

blueprint = Blueprint("assets", __name__)
FOLDER = Path(__file__).resolve().parents[1] / "static"


@cache
def version(name: str) -> str:
    """Return the first 10 hex digits of a file's hash: a changed file gets a new address."""
    path = FOLDER / name
    packed = path.with_name(path.name + ".gz")
    return hashlib.sha256((packed if packed.exists() else path).read_bytes()).hexdigest()[:10]


@blueprint.app_template_global()
def asset(name: str) -> str:
    """Return the address of a static file with its version."""
    return url_for("assets.static_file", name=name, v=version(name))


@blueprint.get("/static/<path:name>")
@guards.needs(guards.Permission.PUBLIC)
def static_file(name: str) -> ResponseReturnValue:
    """Serve one static file."""
    if not name.isprintable():
        return abort(404)  # A NUL is no part of a path: looking for it would be an error of ours.
    path = (FOLDER / name).resolve()
    packed = path.with_name(path.name + ".gz")
    if FOLDER not in path.parents or not (path.is_file() or packed.is_file()):
        return abort(404)
    use_packed = packed.is_file() and ("gzip" in request.headers.get("Accept-Encoding", "") or not path.is_file())
    response = Response((packed if use_packed else path).read_bytes())
    response.content_type = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
    if response.content_type.startswith(("text/", "application/javascript")):
        response.content_type += "; charset=utf-8"
    if use_packed:
        response.headers["Content-Encoding"] = "gzip"
    response.headers["Vary"] = "Accept-Encoding"
    response.headers["Cache-Control"] = "public, max-age=31536000, immutable"
    return response


@blueprint.get("/favicon.ico")
@guards.needs(guards.Permission.PUBLIC)
def favicon() -> ResponseReturnValue:
    """Serve the icon browsers ask for by themselves."""
    return static_file("favicon.svg")
