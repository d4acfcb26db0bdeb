"""How the organization's page looks, over HTTP: what is taken, what is refused and why, and the logo."""

from __future__ import annotations

import base64
import io
import json
import struct
import zlib
from typing import Any

import pytest
from PIL import Image

from app.domain.branding import CONSENT_MAX, LOGO_MAX_BYTES
from tests.api.conftest import Answer, Api
from tests.api.test_settings import SETTINGS, patch, refused

TEXT = "You agree that {organization} compares your face with your portrait.\n\nYou may say no."
UNBRANDED: dict[str, Any] = {
    "name": None,
    "logo": None,
    "colors": None,
    "radius": None,
    "scheme": "auto",
    "consent": {},
}


def change(api: Api, **branding: object) -> Answer:
    return patch(api, {"branding": branding})


def picture(
    kind: str = "PNG", size: tuple[int, int] = (200, 50), colour: tuple[int, ...] = (220, 30, 60, 255), **save: Any
) -> bytes:
    file = io.BytesIO()
    mode = "RGB" if kind == "JPEG" else "RGBA"
    Image.new("RGBA", size, colour).convert(mode).save(file, kind, **save)
    return file.getvalue()


def noise(side: int) -> bytes:
    """Colours that hardly compress."""
    file = io.BytesIO()
    Image.effect_noise((side, side), 90).convert("RGB").save(file, "JPEG", quality=60)
    return file.getvalue()


def bomb() -> bytes:
    """A header that promises 400 megapixels."""
    header = b"IHDR" + struct.pack(">IIBBBBB", 20_000, 20_000, 8, 6, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n\0\0\0\r" + header + struct.pack(">I", zlib.crc32(header)) + b"\0\0\0\x04IDAT1234"


def text_of(data: bytes) -> str:
    return base64.b64encode(data).decode()


def test_every_part_is_read_back_and_can_be_sent_back(api: Api) -> None:
    colors = {"accent": "#AA1144", "onAccent": "#ffffff", "accentDark": None, "onAccentDark": None}
    answer = change(
        api,
        name="  Banco Aurora ",
        colors=colors,
        radius=0,
        scheme="dark",
        consent={"es": {"version": "2026-1", "text": TEXT}, "en": {"version": "2026-1", "text": TEXT}},
        logo=text_of(picture()),
    )
    assert answer.status_code == 200, answer.json
    branding = answer.json["branding"]
    assert branding | {"logo": None} == {
        "name": "Banco Aurora",
        "logo": None,
        "colors": colors | {"accent": "#aa1144"},
        "radius": 0,
        "scheme": "dark",
        "consent": {language: {"version": "2026-1", "text": TEXT} for language in ("en", "es")},
    }
    again = patch(api, answer.json)
    assert (again.status_code, again.json) == (200, answer.json)


def test_parts_change_apart_and_null_is_as_it_comes(api: Api) -> None:
    change(api, name="Aurora", radius=4, consent={"es": {"version": "1", "text": TEXT}})
    assert change(api, radius=8).json["branding"]["name"] == "Aurora"
    added = change(api, consent={"pt": {"version": "1", "text": TEXT}}).json["branding"]["consent"]
    assert sorted(added) == ["es", "pt"]
    assert sorted(change(api, consent={"es": None}).json["branding"]["consent"]) == ["pt"]
    assert change(api, consent=None, name=None).json["branding"] == UNBRANDED | {"radius": 8}
    assert patch(api, {"branding": None}).json["branding"] == UNBRANDED


WRONG: list[tuple[object, str]] = [
    ("Acme", "branding"),
    ([], "branding"),
    ({"name": ""}, "branding.name"),
    ({"name": " "}, "branding.name"),
    ({"name": "a" * 81}, "branding.name"),
    ({"name": "a\nb"}, "branding.name"),
    ({"name": "moc.live\u202e"}, "branding.name"),
    ({"name": 7}, "branding.name"),
    ({"radius": -1}, "branding.radius"),
    ({"radius": 25}, "branding.radius"),
    ({"radius": 4.5}, "branding.radius"),
    ({"radius": "4px"}, "branding.radius"),
    ({"radius": True}, "branding.radius"),
    ({"scheme": "sepia"}, "branding.scheme"),
    ({"colors": "#fff"}, "branding.colors"),
    ({"colors": {}}, "branding.colors.accent"),
    ({"colors": {"accent": "#fff"}}, "branding.colors.accent"),
    ({"colors": {"accent": "red;}body{display:none"}}, "branding.colors.accent"),
    ({"colors": {"accent": None}}, "branding.colors.accent"),
    ({"colors": {"accent": "#000000", "accentDark": "white"}}, "branding.colors.accentDark"),
    ({"colors": {"accent": "#fdda24", "onAccent": "#ffffff"}}, "branding.colors"),
    ({"consent": []}, "branding.consent"),
    ({"consent": {"xx": {"version": "1", "text": TEXT}}}, "branding.consent.xx"),
    ({"consent": {"es": {"version": "1"}}}, "branding.consent.es.text"),
    ({"consent": {"es": {"text": TEXT}}}, "branding.consent.es.version"),
    ({"consent": {"es": {"version": "a b", "text": TEXT}}}, "branding.consent.es.version"),
    ({"consent": {"es": {"version": "1" * 41, "text": TEXT}}}, "branding.consent.es.version"),
    ({"consent": {"es": {"version": "1", "text": "Yes?"}}}, "branding.consent.es.text"),
    ({"consent": {"es": {"version": "1", "text": "a" * (CONSENT_MAX + 1)}}}, "branding.consent.es.text"),
    ({"consent": {"es": {"version": "1", "text": TEXT + "\u0007"}}}, "branding.consent.es.text"),
    ({"logo": ""}, "branding.logo"),
    ({"logo": "not base64!"}, "branding.logo"),
    ({"logo": 5}, "branding.logo"),
    ({"logo": "https://elsewhere.example/logo.png"}, "branding.logo"),
    ({"logo": "a" * (16 * LOGO_MAX_BYTES + 1)}, "branding.logo"),
]


def test_wrong_parts_are_named_and_nothing_is_changed(api: Api) -> None:
    for branding, field in WRONG:
        answer = patch(api, {"branding": branding, "maxAttempts": 5})
        assert (answer.status_code, answer.json["error"]) == (400, "INVALID_REQUEST"), (branding, answer.json)
        assert [name for name in answer.json["fields"] if name.startswith(field)], (field, answer.json["fields"])
    now = api.get(SETTINGS).json
    assert (now["policyVersion"], now["maxAttempts"], now["branding"]) == (1, 3, UNBRANDED)


def test_a_colour_that_cannot_be_read_is_refused_with_what_was_measured(api: Api) -> None:
    problems = refused(change(api, colors={"accent": "#fdda24", "onAccent": "#ffffff"}), "branding.colors")
    assert "1.37:1 with #fdda24" in problems["branding.colors"]
    assert change(api, colors={"accent": "#fdda24"}).status_code == 200


SVG = b'<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><script>alert(1)</script></svg>'
FRAMES = [Image.new("RGBA", (20, 20), colour) for colour in ("red", "blue")]


def moving(kind: str) -> bytes:
    file = io.BytesIO()
    FRAMES[0].save(file, kind, save_all=True, append_images=FRAMES[1:])
    return file.getvalue()


NO_LOGOS = [
    (SVG, "PNG, JPEG or WebP"),
    (b"\x89PNG\r\n\x1a\n", "PNG, JPEG or WebP"),
    (picture("GIF", (9, 9)), "PNG, JPEG or WebP"),
    (picture("PNG", (513, 10)), "at most 512 pixels"),
    (bomb(), "at most 512 pixels"),
    (noise(500), "at most 65536 bytes"),
    (picture(colour=(1, 2, 3, 0)), "clear all over"),
    (moving("PNG"), "must not move"),
    (moving("WEBP"), "must not move"),
    (picture("PNG", (400, 400))[:120], "broken"),
]


def test_pictures_that_cannot_be_a_logo_are_refused_and_leave_nothing_behind(api: Api) -> None:
    for data, why in NO_LOGOS:
        problems = refused(change(api, logo=text_of(data)), "branding.logo")
        assert why in problems["branding.logo"], (why, problems)
    assert api.get(SETTINGS).json["branding"]["logo"] is None
    assert not [path for path in api.blob_folder.rglob("*") if path.is_file()]


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
def test_a_logo_is_drawn_anew_and_named_by_its_content(api: Api, kind: str) -> None:
    data_url = f"data:image/{kind.lower()};base64,{text_of(picture(kind, (512, 128)))}"
    address = change(api, logo=data_url).json["branding"]["logo"]
    assert address.startswith(f"https://verify.example/brand/{api.organization.organization_id}/")
    version = api.get(SETTINGS).json["policyVersion"]
    assert change(api, logo=data_url).json["policyVersion"] == version
    assert change(api, logo=address).json["policyVersion"] == version
    assert change(api, logo=None).json["branding"]["logo"] is None


def test_a_change_that_is_refused_leaves_no_logo_behind(api: Api) -> None:
    answer = patch(api, {"branding": {"logo": text_of(picture())}, "scoreFloor": 99})
    refused(answer, "scoreFloor")
    assert not [path for path in api.blob_folder.rglob("*") if path.is_file()]


def test_another_text_needs_another_version(api: Api) -> None:
    change(api, consent={"es": {"version": "1", "text": TEXT}})
    refused(
        change(api, consent={"es": {"version": "1", "text": TEXT + " Really."}}), "branding.consent.es.version"
    )
    assert change(api, consent={"es": {"version": "2", "text": TEXT + " Really."}}).status_code == 200


def test_the_audit_trail_says_what_changed_without_repeating_it(api: Api) -> None:
    change(api, name="Aurora", logo=text_of(picture()), consent={"es": {"version": "1", "text": TEXT}})
    with api.store.read() as uow:
        entry = uow.audit.of_organization(api.organization.organization_id)[-1]
    assert entry.action == "settings.changed"
    changes: Any = entry.detail["changes"]
    assert sorted(changes) == ["branding.consent.es", "branding.logo", "branding.name"]
    assert changes["branding.name"] == {"from": None, "to": "Aurora"}
    assert changes["branding.consent.es"]["to"]["version"] == "1"
    assert TEXT not in json.dumps(dict(entry.detail))
