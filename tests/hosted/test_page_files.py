"""What the page loads: everything it needs, nothing from elsewhere, and little of it."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from flask import Flask, render_template
from flask_babel import Babel

from app.hosted.copy import page_messages
from app.web.static_files import install_static

ROOT = Path(__file__).resolve().parents[2]
STATIC = ROOT / "static"
OLD_BROWSER = STATIC / "js" / "old_browser.js"
"""No module, and no part of what the modules import."""


@pytest.fixture(scope="module")
def flask_app() -> Flask:
    flask_app = Flask("page", template_folder=str(ROOT / "templates"), static_folder=None)
    install_static(flask_app, STATIC)
    Babel(flask_app)
    return flask_app


@pytest.fixture(scope="module")
def page(flask_app: Flask) -> str:
    """The page as it is served to somebody called by an awkward name."""
    boot = {
        "sessionId": "s",
        "state": "open",
        "organization": {"name": "</script><b>A&B"},
        "messages": page_messages(str),
    }
    with flask_app.test_request_context():
        return render_template(
            "capture.html",
            boot=boot,
            csp_nonce="n0nce",
            language="en",
            direction="ltr",
            organization_name="</script><b>A&B",
        )


def imports_of(script: Path) -> set[Path]:
    found = re.findall(
        r'^(?:import|\} from) .*?"(\.[^"]+)"|^\} from "(\.[^"]+)"', script.read_text("utf-8"), re.MULTILINE
    )
    return {(script.parent / (one or other)).resolve() for one, other in found}


def loaded_scripts() -> set[Path]:
    """Everything that main.js brings along, itself included."""
    seen: set[Path] = set()
    waiting = {STATIC / "js" / "main.js"}
    while waiting:
        script = waiting.pop()
        seen.add(script)
        if script.parent.name == "js":
            waiting |= imports_of(script) - seen
    return seen


def linked(page: str) -> set[Path]:
    return {STATIC / name for name in re.findall(r'(?:href|src)="/static/[0-9a-f]{20}/([^"]+)"', page)}


def test_every_module_is_preloaded_so_that_none_waits_for_another(page: str) -> None:
    scripts = {path for path in linked(page) if path.suffix == ".js"}
    assert scripts == loaded_scripts() | {OLD_BROWSER}


def test_browser_that_reads_no_modules_gets_a_script_that_says_so(page: str) -> None:
    assert re.search(r'<script src="/static/[0-9a-f]{20}/js/old_browser\.js" nonce="n0nce"></script>', page)
    assert '<div class="too-old" role="alert">' in page


def test_page_and_its_files_name_no_other_origin(page: str) -> None:
    assert "https://" not in page
    assert "http://" not in page
    for path in linked(page):
        if path.parent.name in ("js", "css"):
            text = path.read_text("utf-8").replace("http://www.w3.org/2000/svg", "")
            assert not re.search(r"""["'(]https?://""", text), path.name


def test_no_inline_style_or_handler_stands_in_the_way_of_the_policy(page: str) -> None:
    assert not re.search(r"\s(style|on\w+)=", page)
    assert page.count("<script") == page.count('nonce="n0nce"') == 3


def test_names_and_texts_cannot_break_out_of_the_boot_data(page: str) -> None:
    assert "<b>A" not in page
    found = re.search(r'<script type="application/json" id="boot"[^>]*>(.*?)</script>', page, re.DOTALL)
    assert found
    assert json.loads(found.group(1))["organization"]["name"] == "</script><b>A&B"


def test_every_file_of_the_page_is_addressed_by_content(page: str) -> None:
    addresses = re.findall(r'(?:href|src)="(/static/[^"]+)"', page)
    assert len(addresses) > 10
    assert [one for one in addresses if not re.match(r"/static/[0-9a-f]{20}/(js|css|vendor)/", one)] == []


@pytest.mark.parametrize(
    ("code", "title"),
    [("unknown_session", "This link does not work"), ("expired", "This link has expired")],
)
def test_link_that_leads_nowhere_says_so_and_carries_its_code(flask_app: Flask, code: str, title: str) -> None:
    with flask_app.test_request_context():
        shown = render_template("link_problem.html", code=code, csp_nonce="n", language="en", direction="ltr")
    assert f'<h1 class="title">{title}</h1>' in shown
    assert f'data-code="{code}"' in shown
    assert "<script" not in shown
