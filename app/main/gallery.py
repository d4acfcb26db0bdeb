"""Searches among enrolments, wired."""

from __future__ import annotations

from app.adapters.blob_store import EncryptedBlobStore
from app.adapters.recognizer_entry import template_format
from app.config import Settings
from app.domain.comparison import TemplateFormat
from app.domain.errors import MatchingUnavailable
from app.main.infrastructure import Infrastructure, make_template_vault
from app.main.models import LoadedModels
from app.matching.gallery import TemplateGallery
from app.services.blocklist import SearchBlocklist
from app.services.cross_entity import SearchOthers
from app.services.load_gallery import LoadGallery
from app.services.ports import MatchingCore
from app.services.search_enrolments import SearchEnrolments
from app.services.search_probe import SearchProbe


def make_gallery(models: LoadedModels) -> TemplateGallery:
    """An empty one for the recognizer that the settings name; `MatchingUnavailable` where that has no scale."""
    model, entry = models.recognizer, models.recognizer.recognizer
    if entry is None or entry.calibration is None:
        raise MatchingUnavailable(f"The recognizer {model.model_id} has no calibration: nothing can be searched.")
    of_recognizer = template_format(model.model_id, models.files.sha256(model.model_id), entry)
    return TemplateGallery(of_recognizer, entry.dimension, entry.calibration)


def _make_search_others(settings: Settings, infrastructure: Infrastructure, models: LoadedModels) -> SearchOthers:
    """One for the process: it keeps templates in memory, from the first search on. Needs the master keys."""

    def make(wanted: TemplateFormat) -> TemplateGallery:
        model, entry = models.recognizer, models.recognizer.recognizer
        sha256 = models.files.sha256(model.model_id)
        if entry is None or template_format(model.model_id, sha256, entry) != wanted:
            raise MatchingUnavailable(f"The matching core makes {wanted}, and BONAFIDE_RECOGNIZER names another.")
        return make_gallery(models)

    return SearchOthers(
        store=infrastructure.store, vault=make_template_vault(settings, infrastructure), make_gallery=make
    )


def make_search_probe(
    settings: Settings,
    infrastructure: Infrastructure,
    models: LoadedModels,
    core: MatchingCore,
    blobs: EncryptedBlobStore,
) -> SearchProbe:
    """What is asked before anything is decided of a face. One for the process. Needs the master keys."""
    return SearchProbe(
        store=infrastructure.store,
        others=_make_search_others(settings, infrastructure, models),
        blocklist=SearchBlocklist(
            store=infrastructure.store,
            blobs=blobs,
            vault=make_template_vault(settings, infrastructure),
            core=core,
            clock=infrastructure.clock,
        ),
    )


def make_search_enrolments(
    settings: Settings, infrastructure: Infrastructure, models: LoadedModels, core: MatchingCore
) -> SearchEnrolments:
    """For one search: its gallery is filled from the store and goes with it. Needs the master keys."""
    store, clock, gallery = infrastructure.store, infrastructure.clock, make_gallery(models)
    vault = make_template_vault(settings, infrastructure)
    return SearchEnrolments(
        store=store,
        core=core,
        load=LoadGallery(store=store, vault=vault, gallery=gallery, clock=clock),
        gallery=gallery,
        clock=clock,
        randomness=infrastructure.randomness,
    )
