"""Writes every look of the hosted page into a folder, with an index, and has axe examine each.

    make gallery                      var/gallery/index.html
    make gallery ARGS='--only retry'  only looks whose name contains this

Nobody is before the camera: it shows an empty room. Ends with 1 where axe finds anything.
"""

from __future__ import annotations

import argparse
import io
import json
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, Page

from e2e.gallery import Violation, examine, hang_gallery, open_gallery, show
from e2e.gallery_pages import PAGES, Site
from scripts.screenshots import PORTRAIT, Scheme, launched_browser
from tests.live_server import Api, running_server

PROJECT = Path(__file__).resolve().parents[1]
FOLDER = PROJECT / "var" / "gallery"
TEMPLATE = Path(__file__).with_name("gallery_index.html")
DATA_MARK = "/*SHOTS*/[]"
LANGUAGES = ("en", "es", "ar")
SCHEMES: tuple[Scheme, ...] = ("light", "dark")
VIEWPORTS = {"phone": {"width": 390, "height": 844}, "desktop": {"width": 1440, "height": 900}}
COLOURS = 128


@dataclass(frozen=True)
class Variant:
    """How a look is looked at."""

    language: str
    scheme: Scheme
    device: str

    def __str__(self) -> str:
        return f"{self.language}-{self.scheme}-{self.device}"


@dataclass(frozen=True)
class Shot:
    look: str
    variant: Variant
    violations: Sequence[Violation]

    @property
    def file(self) -> str:
        return f"{self.variant}/{self.look}.png"

    def as_json(self) -> dict[str, object]:
        """As the index page reads it."""
        language, scheme, device = self.variant.language, self.variant.scheme, self.variant.device
        found = [str(one) for one in self.violations]
        shape = {"look": self.look, "file": self.file, "found": found}
        return {**shape, "language": language, "scheme": scheme, "device": device}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="", metavar="TEXT", help="only looks whose name contains this")
    parser.add_argument("--languages", nargs="+", default=LANGUAGES)
    parser.add_argument("--out", type=Path, default=FOLDER)
    options = parser.parse_args()
    variants = [Variant(*one) for one in product(options.languages, SCHEMES, VIEWPORTS)]
    shots: list[Shot] = []
    with (
        tempfile.TemporaryDirectory() as folder,
        running_server(Path(folder)) as server,
        launched_browser() as browser,
    ):
        site = Site(server, Api(server.url, server.demo_key()), PORTRAIT)
        for variant in variants:
            shots += _shoot_all(browser, site, variant, options.only, options.out)
        site.api.close()
    _write_index(shots, options.out)
    return _report(shots, options.out)


def _shoot_all(browser: Browser, site: Site, variant: Variant, only: str, out: Path) -> list[Shot]:
    folder = out / str(variant)
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("*.png"):
        old.unlink()
    context = browser.new_context(
        viewport=VIEWPORTS[variant.device],  # type: ignore[arg-type]
        color_scheme=variant.scheme,
        locale=variant.language,
        reduced_motion="reduce",
    )
    page = context.new_page()
    shots = []
    for look in _looks(page, site, variant.language, only):
        (folder / f"{look}.png").write_bytes(_picture(page))
        shots.append(Shot(look, variant, examine(page)))
    context.close()
    print(f"{variant}: {len(shots)} looks, {sum(bool(shot.violations) for shot in shots)} with faults", flush=True)
    return shots


def _looks(page: Page, site: Site, language: str, only: str) -> Iterator[str]:
    """Go from one look to the next; its name, while the page shows it."""
    hang_gallery(page)
    for name in open_gallery(page, site.new_session_url(language)):
        if only in name:
            show(page, name)
            yield name
    page.unroute_all()
    for name, come_to in PAGES.items():
        if only in name:
            come_to(page, site, language)
            yield name


def _picture(page: Page) -> bytes:
    """With few colours: there are more than a thousand of them."""
    packed = io.BytesIO()
    picture = Image.open(io.BytesIO(page.screenshot(animations="disabled"))).convert("RGB")
    picture.quantize(COLOURS, dither=Image.Dither.NONE).save(packed, "PNG")
    return packed.getvalue()


def _write_index(shots: Sequence[Shot], out: Path) -> None:
    # "<" would end the script element.
    data = json.dumps([shot.as_json() for shot in shots]).replace("<", "\\u003c")
    (out / "index.html").write_text(TEMPLATE.read_text("utf-8").replace(DATA_MARK, data), "utf-8")


def _report(shots: Sequence[Shot], out: Path) -> int:
    faulty = [shot for shot in shots if shot.violations]
    for shot in faulty:
        for violation in shot.violations:
            print(f"{shot.variant} {shot.look}: {violation}")
    print(f"{len(shots)} pictures, {len(faulty)} with faults: {out / 'index.html'}")
    return 1 if faulty or not shots else 0


if __name__ == "__main__":
    sys.exit(main())
