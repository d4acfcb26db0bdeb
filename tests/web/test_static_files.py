"""Files by hash and by name: what is kept for ever, what is asked for again, and what is not served at all."""

from __future__ import annotations

import gzip
import os
from pathlib import Path

import pytest
from flask import Flask, Response, url_for
from werkzeug.test import TestResponse

from app.web.compression import LEAST_BYTES, compressed_page
from app.web.static_files import COMMENTS, HASH_CHARACTERS, install_static, read_tree

STATIC = Path(__file__).resolve().parents[2] / "static"
SCRIPT = "import './b.js';\n" * 200


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, text in {"js/a.js": SCRIPT, "js/b.js": "1;", "css/x.css": "a{}", "sdk/bonafide.js": "2;"}.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    (tmp_path / "js" / "a.d.ts").write_text("declare const a: 1;")
    (tmp_path / "secret.pem").write_text("key")
    return tmp_path


def app_of(folder: Path, *, follows_changes: bool = False) -> Flask:
    app = Flask("static-under-test", static_folder=None)
    install_static(app, folder, follows_changes=follows_changes)
    return app


def address(app: Flask, name: str) -> str:
    with app.test_request_context():
        return url_for("static", filename=name)


def get(app: Flask, path: str, **headers: str) -> TestResponse:
    return app.test_client().get(path, headers={name.replace("_", "-"): value for name, value in headers.items()})


def test_pages_name_files_by_the_hash_of_the_tree_which_are_kept_for_ever(folder: Path) -> None:
    app = app_of(folder)
    path = address(app, "js/a.js")
    tree_hash = path.split("/")[2]
    assert path == f"/static/{tree_hash}/js/a.js"
    assert (len(tree_hash), tree_hash) == (HASH_CHARACTERS, read_tree(folder).tree_hash)
    answer = get(app, path)
    assert (answer.status_code, answer.text) == (200, SCRIPT)
    assert answer.content_type == "text/javascript; charset=utf-8"
    assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"


@pytest.mark.parametrize(
    ("path", "lifetime"),
    [
        ("/static/js/a.js", "no-cache"),
        ("/static/sdk/bonafide.js", "public, max-age=600"),
        ("/static/00000000000000000000/js/a.js", "no-store"),
    ],
)
def test_other_addresses_give_the_present_file_and_are_not_kept_for_long(
    folder: Path, path: str, lifetime: str
) -> None:
    answer = get(app_of(folder), path)
    assert (answer.status_code, answer.headers["Cache-Control"]) == (200, lifetime)


def test_any_change_of_any_file_changes_every_address(folder: Path) -> None:
    before = read_tree(folder).tree_hash
    (folder / "css" / "x.css").write_text("a{color:red}")
    changed = read_tree(folder).tree_hash
    (folder / "css" / "x.css").rename(folder / "css" / "y.css")
    assert len({before, changed, read_tree(folder).tree_hash}) == 3


def test_a_server_serves_what_it_read_at_its_start_and_a_developer_what_is_there(folder: Path) -> None:
    steady, following = app_of(folder), app_of(folder, follows_changes=True)
    path = address(steady, "js/b.js")
    (folder / "js" / "b.js").write_text("3;")
    os.utime(folder / "js" / "b.js", ns=(1, 1))
    assert (get(steady, path).text, address(steady, "js/b.js")) == ("1;", path)
    assert address(following, "js/b.js") != path
    assert get(following, address(following, "js/b.js")).text == "3;"


def test_comments_are_left_out_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "js").mkdir()
    (tmp_path / "sdk").mkdir()
    text = """/** What
 * this is. */
const a = /** @type {Window} */ (b); // beside
  // alone
/** @type {X} */ const c = "/* no */ // comment";
/* one */
/** @type {Y} */ (d).e = /\\/\\*/;
"""
    (tmp_path / "js" / "a.js").write_text(text)
    (tmp_path / "sdk" / "a.js").write_text(text)
    files = read_tree(tmp_path).files
    assert files["sdk/a.js"].plain.decode() == text
    assert files["js/a.js"].plain.decode().split("\n") == [
        "",
        "",
        "const a = /** @type {Window} */ (b); // beside",
        "",
        '/** @type {X} */ const c = "/* no */ // comment";',
        "",
        "/** @type {Y} */ (d).e = /\\/\\*/;",
        "",
    ]


def test_no_comment_of_ours_stands_within_a_text() -> None:
    """Where it would be part of the text, and missed."""
    for path in [*STATIC.glob("js/*.js"), *STATIC.glob("css/*.css")]:
        text = path.read_bytes()
        for comment in COMMENTS.finditer(text):
            before = COMMENTS.sub(b"", text[: comment.start()])
            assert before.count(b"`") % 2 == 0, (path.name, comment[0])


def test_modules_of_a_page_are_all_that_are_imported_at_once(tmp_path: Path) -> None:
    (tmp_path / "js").mkdir()
    (tmp_path / "vendor").mkdir()
    (tmp_path / "vendor" / "io.js").write_text("export{a as io};")
    texts = {
        "main": 'import { io } from "../vendor/io.js";\nimport {\n  b,\n  c,\n} from "./b.js";\n',
        "b": 'export { d } from "./d.js";\nexport { main } from "./main.js";\nimport "./missing.js";\n',
        "d": 'const lazy = () => import("./lazy.js");\n// import { x } from "./lazy.js";\n',
        "lazy": "1;",
    }
    for name, text in texts.items():
        (tmp_path / "js" / f"{name}.js").write_text(text)
    assert read_tree(tmp_path).modules_of("js/main.js") == ["js/main.js", "vendor/io.js", "js/b.js", "js/d.js"]


@pytest.mark.parametrize("accepted", ["gzip", "br, gzip;q=0.1", "*"])
def test_who_takes_gzip_gets_it(folder: Path, accepted: str) -> None:
    answer = get(app_of(folder), "/static/js/a.js", Accept_Encoding=accepted)
    assert answer.content_encoding == "gzip"
    assert gzip.decompress(answer.data).decode() == SCRIPT
    assert "Accept-Encoding" in answer.headers["Vary"]


@pytest.mark.parametrize("accepted", ["", "identity", "br", "gzip;q=0", ";;q=,\xff"])
def test_who_does_not_gets_the_plain_file(folder: Path, accepted: str) -> None:
    answer = get(app_of(folder), "/static/js/a.js", Accept_Encoding=accepted)
    assert (answer.headers.get("Content-Encoding"), answer.text) == (None, SCRIPT)
    assert "Accept-Encoding" in answer.headers["Vary"]


def test_a_file_that_is_there_already_is_not_sent_again(folder: Path) -> None:
    app = app_of(folder)
    etag = get(app, "/static/js/a.js", Accept_Encoding="gzip").headers["ETag"]
    again = get(app, "/static/js/a.js", Accept_Encoding="gzip", If_None_Match=etag)
    assert (again.status_code, again.data) == (304, b"")
    assert get(app, "/static/js/a.js", If_None_Match=etag).status_code == 200


def test_other_sites_and_sandboxed_frames_may_import(folder: Path) -> None:
    for path in ("/static/sdk/bonafide.js", "/static/js/a.js"):
        headers = get(app_of(folder), path, Origin="null").headers
        assert headers["Access-Control-Allow-Origin"] == "*"
        assert headers["Cross-Origin-Resource-Policy"] == "cross-origin"
        assert headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize(
    "path",
    [
        "/static/",
        "/static/js",
        "/static/js/",
        "/static/js/none.js",
        "/static/js/a.d.ts",
        "/static/secret.pem",
        "/static/js/../secret.pem",
        "/static/js/%2e%2e/secret.pem",
        "/static//js/a.js",
        "/static/00000000000000000000/none.js",
        "/static/00000000000000000000/00000000000000000000/js/a.js",
        "/static/%00",
        "/static/" + "x" * 5_000,
    ],
)
def test_nothing_else_is_served(folder: Path, path: str) -> None:
    assert get(app_of(folder), path).status_code == 404


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS"])
def test_files_are_only_read(folder: Path, method: str) -> None:
    assert app_of(folder).test_client().open("/static/js/a.js", method=method).status_code == 405


@pytest.mark.parametrize(
    ("text", "media_type", "accepted", "encoding"),
    [
        ("x" * LEAST_BYTES, "text/html", "gzip", "gzip"),
        ("x" * LEAST_BYTES, "text/html", "gzip;q=0", None),
        ("x" * (LEAST_BYTES - 1), "text/html", "gzip", None),
        ("x" * LEAST_BYTES, "application/json", "gzip", None),
    ],
)
def test_long_pages_are_compressed_and_nothing_else(
    text: str, media_type: str, accepted: str, encoding: str | None
) -> None:
    app = Flask("pages-under-test", static_folder=None)
    with app.test_request_context(headers={"Accept-Encoding": accepted}):
        response = compressed_page(Response(text, content_type=media_type))
    assert response.content_encoding == encoding
    assert response.content_length == len(response.get_data())
