"""The shipped files: the bundle is the one plotly.py expects and the one that was checked, and everything is small."""

import gzip
import hashlib
import re
from pathlib import Path

import pytest

STATIC = Path(__file__).parents[2] / "prom" / "static"
TEMPLATES = STATIC.parent / "templates"


def packed(name):
    return len(gzip.compress((STATIC / name).read_bytes(), 9))


def bundle():
    (path,) = (STATIC / "vendor").glob("plotly-basic-*.min.js.gz")
    return path


def test_the_bundle_is_in_step_with_plotly_py():
    version = pytest.importorskip("plotly.offline").get_plotlyjs_version()
    assert bundle().name == f"plotly-basic-{version}.min.js.gz"
    assert f"plotly.js (basic - minified) v{version}" in gzip.decompress(bundle().read_bytes())[:200].decode()
    assert (STATIC / "vendor" / f"plotly-{version}.css").exists()
    assert version in (TEMPLATES / "_macros" / "charts.html").read_text()


def test_the_bundle_is_the_one_that_was_checked():
    expected = bundle().with_suffix(".sha256").read_text().split()[0]
    assert hashlib.sha256(gzip.decompress(bundle().read_bytes())).hexdigest() == expected


def test_the_bundle_comes_with_its_licence_and_evaluates_no_text():
    licence = next((STATIC / "vendor").glob("*.LICENSE.txt")).read_text()
    assert "MIT License" in licence
    source = gzip.decompress(bundle().read_bytes()).decode()
    assert not re.search(r"\beval\(|new Function\(", source)


def test_style_sheets_and_script_are_small():
    assert packed("prom.css") <= 6 * 1024
    assert packed("patient.css") <= 3 * 1024
    assert packed("charts.js") <= 3 * 1024


def test_no_style_sheet_and_no_macro_names_a_foreign_host_or_a_web_font():
    for path in [*STATIC.glob("*.*"), *TEMPLATES.glob("_macros/*.html")]:
        text = path.read_text().replace("http://www.w3.org/2000/svg", "")
        assert "://" not in text, path
        assert "@font-face" not in text, path


def test_no_macro_has_an_inline_style_or_an_inline_handler():
    for path in TEMPLATES.glob("_macros/*.html"):
        assert not re.search(r"\sstyle=|\son[a-z]+=|<style", path.read_text()), path


def test_every_macro_says_what_it_takes():
    for path in TEMPLATES.glob("_macros/*.html"):
        lines = path.read_text().splitlines()
        for place, line in enumerate(lines):
            if line.startswith("{% macro ") and not line.startswith("{% macro _"):
                assert lines[place - 1].startswith("{#"), f"{path.name}: {line[:50]}"
