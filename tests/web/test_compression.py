"""Pages travel packed to whoever takes it, and say so to caches."""

import gzip

TAKES = {"Accept-Encoding": "gzip, br"}


def test_a_page_is_packed_for_who_takes_gzip(app):
    plain, packed = app.test_client().get("/login"), app.test_client().get("/login", headers=TAKES)
    assert "Content-Encoding" not in plain.headers
    assert packed.headers["Content-Encoding"] == "gzip"
    assert "Accept-Encoding" in packed.headers["Vary"]
    assert len(packed.get_data()) < len(plain.get_data())
    assert b"</html>" in gzip.decompress(packed.get_data())
    assert packed.headers["Content-Length"] == str(len(packed.get_data()))


def test_short_answers_and_files_packed_already_stay_as_they_are(app):
    assert "Content-Encoding" not in app.test_client().get("/healthz", headers=TAKES).headers
    script = app.test_client().get("/static/vendor/plotly-basic-4.1.1.min.js", headers=TAKES)
    assert script.headers["Content-Encoding"] == "gzip"
    assert b"plotly" in gzip.decompress(script.get_data())[:400].lower()


def test_a_packed_style_sheet_is_the_same_style_sheet(app):
    plain = app.test_client().get("/static/prom.css").get_data()
    assert gzip.decompress(app.test_client().get("/static/prom.css", headers=TAKES).get_data()) == plain
