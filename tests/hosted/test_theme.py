"""The organization's looks on the page: custom properties, logo, and an own consent text with version and hash."""

from __future__ import annotations

import io
import re
from dataclasses import replace
from typing import Any

import pytest
from PIL import Image

from app.adapters.logo_pictures import PillowLogos
from app.domain.branding import AUTO, DARK, LIGHT, Branding, Logo, OwnConsent
from app.domain.palette import BrandColours
from app.domain.settings import SettingsVersion
from app.hosted.consent_reviews import draft_languages, is_draft, wording_hash
from app.hosted.copy import CONSENT_VERSION, consent_hash
from app.hosted.languages import set_apart
from app.hosted.theme import LOGO_HEIGHT, LOGO_MAX_WIDTH, theme_of
from app.services.keep_logo import KeepLogo
from app.services.new_blobs import NewBlobs
from tests.hosted.conftest import ROOT, BuildSite, Site
from tests.hosted.test_pages import boot_of

COLOURS = BrandColours("#fdda24")
OWN = OwnConsent("es", "legal-7", "Comparamos tu cara para {organization}, y nada más.\n\n  Puedes negarte.  ")


def css_of(branding: Branding) -> str:
    return theme_of("org", branding).css


def styled(site: Site, path: str | None = None) -> str:
    """The style element of the page, which the policy lets in by its nonce."""
    response = site.get(path)
    nonce = re.search(r"'nonce-([\w-]+)'", response.headers["Content-Security-Policy"])
    assert nonce
    found = re.search(rf'<style nonce="{nonce[1]}">(.*?)</style>', response.text)
    return found[1] if found else ""


def test_without_branding_nothing_is_styled(site: Site) -> None:
    page = site.get().text
    assert "<style" not in page
    assert 'content="light dark"' in page
    assert re.search(r'tokens_dark\.css" media="\(prefers-color-scheme: dark\)"', page)
    assert "header__logo" not in page


def test_colours_stand_in_both_schemes_and_only_there() -> None:
    css = css_of(Branding(colours=COLOURS))
    light, dark = css.split("@media(prefers-color-scheme:dark)")
    assert "--accent:#fdda24" in light
    assert "--ring-fill:" in light
    assert "--accent:" in dark
    assert re.fullmatch(r"[-a-z0-9:;#{}@(). ]+", css), css


@pytest.mark.parametrize(("scheme", "other", "linked"), [(LIGHT, DARK, 0), (DARK, LIGHT, 1)])
def test_a_scheme_of_its_own_has_one_set_of_tokens(
    build_site: BuildSite, scheme: str, other: str, linked: int
) -> None:
    site = build_site(settings={"branding": Branding(scheme=scheme, colours=COLOURS, radius=0)})
    page, css = site.get().text, styled(site)
    assert f'name="color-scheme" content="{scheme}"' in page
    assert f"color-scheme:{scheme}" in css
    assert other not in css
    assert "--radius:0px" in css
    assert page.count("tokens_dark.css") == linked
    assert "prefers-color-scheme" not in page


def test_the_scheme_of_the_browser_is_the_default() -> None:
    assert css_of(Branding(scheme=AUTO)) == ""
    assert css_of(Branding(radius=24)) == ":root{--radius:24px;--radius-large:40px}"


def logo_for(site: Site, size: tuple[int, int]) -> Logo:
    """Kept as the API keeps one, and in force."""
    file = io.BytesIO()
    Image.new("RGB", size, "navy").save(file, "PNG")
    organization_id = site.studio.stored()[0].organization_id
    keep = KeepLogo(maker=PillowLogos(), blobs=site.studio.blobs)
    with NewBlobs(site.studio.blobs) as blobs:
        logo = keep(organization_id, file.getvalue(), None, blobs)
        blobs.keep()
    return logo


def put_in_force(site: Site, branding: Branding) -> None:
    organization_id, studio = site.studio.stored()[0].organization_id, site.studio
    with studio.store.begin() as uow:
        before = uow.settings.current(organization_id)
        settings = replace(before.settings, policy_version=before.policy_version + 1, branding=branding)
        uow.settings.add(SettingsVersion(organization_id, settings, studio.clock.now(), "test"))
        uow.commit()


def test_logo_is_served_by_its_content_and_only_while_it_is_in_force(build_site: BuildSite) -> None:
    site = build_site()
    logo = logo_for(site, (300, 60))
    organization_id = site.studio.stored()[0].organization_id
    address = f"/brand/{organization_id}/{logo.file_name}"
    assert site.get(address).status_code == 404
    put_in_force(site, Branding(name="Aurora <b>", logo=logo))
    page = site.get().text
    assert f'src="{address}"' in page
    assert 'alt="Aurora &lt;b&gt;"' in page
    served = site.get(address)
    assert (served.status_code, served.mimetype) == (200, "image/png")
    assert "immutable" in served.headers["Cache-Control"]
    assert served.headers["X-Content-Type-Options"] == "nosniff"
    assert Image.open(io.BytesIO(served.data)).size == (logo.width, logo.height)
    for wrong in (f"/brand/{organization_id}/{'0' * 64}.png", address.replace(".png", ".svg"), "/brand/x/y.png"):
        assert site.get(wrong).status_code == 404
    stranger = address.replace(organization_id, "01900000-0000-7000-8000-000000000001")
    assert site.get(stranger).status_code == 404


def test_a_logo_that_is_no_word_stands_beside_the_name() -> None:
    square = theme_of("org", Branding(logo=Logo("a" * 64, "b" * 32, 128, 128)))
    assert (square.logo_width, square.logo_height, square.is_wordmark) == (LOGO_HEIGHT, LOGO_HEIGHT, False)
    wide = theme_of("org", Branding(logo=Logo("a" * 64, "b" * 32, 480, 4)))
    assert (wide.logo_width, wide.logo_height, wide.is_wordmark) == (LOGO_MAX_WIDTH, 1, True)


def consented(site: Site, version: str) -> dict[str, Any]:
    """Accept on the page, and what the audit trail says of it."""
    page = site.page()
    page.hello()
    assert page.ask("consent", {"version": version, "accepted": True})["ok"]
    with site.studio.store.read() as uow:
        trail = uow.audit.of_organization(site.studio.stored()[0].organization_id)
    return dict(next(entry for entry in trail if entry.action == "consent.accepted").detail)


def test_own_consent_is_shown_in_its_language_and_kept_with_version_and_hash(build_site: BuildSite) -> None:
    branding = Branding(name="Aurora", consents=(OWN,))
    site = build_site(settings={"branding": branding}, session={"language": "es"})
    boot = boot_of(site.get())
    assert boot["organization"]["name"] == "Aurora"
    assert boot["consent"]["version"] == "legal-7"
    assert boot["consent"]["paragraphs"] == ["Comparamos tu cara para Aurora, y nada más.", "Puedes negarte."]
    detail = consented(site, "legal-7")
    assert (detail["version"], detail["language"], detail["source"]) == ("legal-7", "es", "organization")
    assert detail["draft"] is False
    hosted = site.studio.stored()[1]
    assert (hosted.consent_version, hosted.consent_hash) == ("legal-7", detail["sha256"])
    assert detail["sha256"] not in (consent_hash(str, "Aurora"), consent_hash(str, "Aurora", OWN.paragraphs))


def test_a_language_without_an_own_text_has_the_one_that_comes_with_bonafide(build_site: BuildSite) -> None:
    site = build_site(settings={"branding": Branding(consents=(OWN,))}, session={"language": "en"})
    assert boot_of(site.get())["consent"] == {"version": CONSENT_VERSION, "paragraphs": None, "required": True}
    detail = consented(site, CONSENT_VERSION)
    assert (detail["source"], detail["draft"]) == ("standard", False)


def test_a_translation_that_nobody_reviewed_is_on_record_as_a_draft(build_site: BuildSite) -> None:
    site = build_site(session={"language": "ar"})
    assert 'dir="rtl"' in site.get().text
    detail = consented(site, CONSENT_VERSION)
    assert (detail["language"], detail["draft"]) == ("ar", True)


def test_a_review_counts_for_the_words_that_were_reviewed() -> None:
    assert is_draft("es", str.upper)
    assert not is_draft("es", str.upper, {"es": wording_hash(str.upper)})
    assert is_draft("es", str.lower, {"es": wording_hash(str.upper)})
    assert not is_draft("en", str)
    assert draft_languages(str(ROOT / "app" / "translations")) == ("es", "pt", "fr", "ar", "zh")


def test_names_of_another_script_stand_apart_in_texts() -> None:
    assert set_apart("Aurora", "en") == "Aurora"
    assert set_apart("", "ar") == ""
    assert set_apart("Aurora", "ar") == "\u2068Aurora\u2069"
    assert set_apart("بنك الأفق", "fr") == "\u2068بنك الأفق\u2069"
