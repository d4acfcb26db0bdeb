"""Searches among enrolments, over fakes and the real gallery."""

from __future__ import annotations

from app.domain.comparison import TemplateFormat
from app.domain.errors import MatchingUnavailable
from app.matching.gallery import TemplateGallery
from app.services.blocklist import SearchBlocklist
from app.services.cross_entity import SearchOthers
from app.services.ports import BlobStore, Clock, MatchingCore
from app.services.search_probe import SearchProbe
from app.services.store import Store
from tests.fakes import FAKE_CALIBRATION, FAKE_DIMENSION, FAKE_FORMAT, FakeTemplateVault


def new_gallery(wanted: TemplateFormat) -> TemplateGallery:
    """Of the fakes' format; this server knows no other."""
    if wanted != FAKE_FORMAT:
        raise MatchingUnavailable("another recognizer")
    return TemplateGallery(wanted, FAKE_DIMENSION, FAKE_CALIBRATION)


def search_others(store: Store) -> SearchOthers:
    return SearchOthers(store=store, vault=FakeTemplateVault(), make_gallery=new_gallery)


def search_probe(store: Store, blobs: BlobStore, core: MatchingCore, clock: Clock) -> SearchProbe:
    return SearchProbe(
        store=store,
        others=search_others(store),
        blocklist=SearchBlocklist(store=store, blobs=blobs, vault=FakeTemplateVault(), core=core, clock=clock),
    )
