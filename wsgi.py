"""The WSGI application, for any server: `gunicorn wsgi:app`."""

from prom.app import create_app

app = create_app()
