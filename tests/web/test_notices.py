"""The banner about the text channel on staff pages."""

from prom.storage import channels
from prom.storage.models import Role


def test_a_halted_channel_is_told_on_every_staff_page_and_to_nobody_else(client_as, app, store, site, now):
    client = client_as(Role.COORDINATOR)
    assert b"The provider refuses our texts" not in client.get("/todo").data
    with store.writing() as session:
        channels.halt(session, "20003", now)
    assert b"The provider refuses our texts" in client.get("/todo").data
    assert b"(20003)" in client.get("/patients").data
    assert b"refuses" not in app.test_client().get("/login").data


def test_a_hold_says_why(client_as, store, site, now):
    with store.writing() as session:
        channels.hold(session, "restored", now)
        channels.main(session).balance, channels.main(session).low_balance = 5, 10
    page = client_as(Role.COORDINATOR).get("/todo").data.decode()
    assert "on hold; only answers and emergency texts leave. (after a restore" in page
    assert "credit at the text provider is low. (0.05)" in page
