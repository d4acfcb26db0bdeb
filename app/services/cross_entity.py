"""A probe is searched among the enrolments of the organization's other entities.

Templates are kept in memory. Before every search what is there is compared with what the store has approved by
then, so that whatever changed it, in this process or another, the search is among the enrolments of that moment.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from app.domain.comparison import Candidate, Template, TemplateFormat
from app.domain.errors import MatchingFailed
from app.domain.verdict import FoundFace, SearchEvidence
from app.services.load_gallery import PAGE
from app.services.ports import Gallery, TemplateVault
from app.services.store import Searchable, Store

FOUND_MAX = 10
"""Entities that the evidence of a search names."""

CANDIDATES_MAX = 50
"""Templates that are looked at beside the probe's own entity's: one entity may have several."""


@dataclass(frozen=True)
class ProbeOf:
    """Whose probe is searched: it is the others among whom somebody is found."""

    organization_id: str
    is_test: bool
    entity_id: str


@dataclass(frozen=True)
class Found:
    """An entity that was found, and which of its enrolments it was found by."""

    face: FoundFace
    validation_id: str


@dataclass(frozen=True)
class OthersSearched:
    """The evidence, and the enrolments that it rests on where somebody reached the threshold."""

    evidence: SearchEvidence
    rests_on: tuple[str, ...]


@dataclass
class _Loaded:
    """Enrolments of one organization, mode and format that are in the gallery, by their validation's id.

    `damaged` are those whose template of that time could not be read. All of it is guarded by `turn`.
    """

    turn: threading.Lock = field(default_factory=threading.Lock)
    inside: dict[str, Searchable] = field(default_factory=dict)
    damaged: dict[str, datetime | None] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class SearchOthers:
    """`make_gallery` makes an empty one of the format, or says by `MatchingUnavailable` why it cannot."""

    store: Store
    vault: TemplateVault
    make_gallery: Callable[[TemplateFormat], Gallery]
    _galleries: dict[TemplateFormat, Gallery] = field(default_factory=dict)
    _loaded: dict[tuple[str, bool, TemplateFormat], _Loaded] = field(default_factory=dict)
    _making: threading.Lock = field(default_factory=threading.Lock)

    def __call__(self, whose: ProbeOf, probe: Template, threshold: float) -> OthersSearched:
        """Who reaches the threshold, and the best in any case. For a probe that is damaged nobody was searched.

        `MatchingUnavailable`, `StoreUnavailable`: nobody can be searched now.
        """
        gallery, loaded = self._of(whose, probe.format)
        with loaded.turn:
            enrolments = self._bring_up_to_date(whose, probe.format, gallery, loaded)
            own = sum(1 for one in enrolments if one.entity_id == whose.entity_id)
            owners = {one.validation_id: one.entity_id for one in enrolments}
            inside = sum(1 for one in loaded.inside.values() if one.entity_id != whose.entity_id)
            try:
                candidates = gallery.search(whose.organization_id, whose.is_test, probe, own + CANDIDATES_MAX)
            except MatchingFailed:  # a damaged probe: waiting would not help
                candidates, inside = [], 0
        found = [one for one in best_of_each(candidates, owners, whose.entity_id) if not one.face.is_own]
        counted = [one for one in found if not one.face.score < threshold][:FOUND_MAX]
        faces = tuple(one.face for one in counted or found[:1])
        evidence = SearchEvidence(threshold, faces, inside, not_searched=len(enrolments) - own - inside)
        return OthersSearched(evidence, tuple(one.validation_id for one in counted))

    def _of(self, whose: ProbeOf, template_format: TemplateFormat) -> tuple[Gallery, _Loaded]:
        with self._making:
            gallery = self._galleries.get(template_format)
            if gallery is None:
                gallery = self._galleries[template_format] = self.make_gallery(template_format)
            key = (whose.organization_id, whose.is_test, template_format)
            return gallery, self._loaded.setdefault(key, _Loaded())

    def _bring_up_to_date(
        self, whose: ProbeOf, template_format: TemplateFormat, gallery: Gallery, loaded: _Loaded
    ) -> Sequence[Searchable]:
        """All enrolments of now; the gallery has those of them whose template can be read, and no others."""
        with self.store.read() as uow:
            enrolments = uow.templates.searchable(whose.organization_id, whose.is_test, template_format)
        wanted = {one.validation_id: one for one in enrolments if one.described_at is not None}
        for validation_id in [one for one, inside in loaded.inside.items() if wanted.get(one) != inside]:
            gallery.remove(whose.organization_id, whose.is_test, validation_id)
            del loaded.inside[validation_id]
        new = [
            one
            for one in wanted.values()
            if one.validation_id not in loaded.inside and loaded.damaged.get(one.validation_id) != one.described_at
        ]
        for at in range(0, len(new), PAGE):
            self._load(whose, template_format, gallery, loaded, new[at : at + PAGE])
        return enrolments

    def _load(
        self,
        whose: ProbeOf,
        template_format: TemplateFormat,
        gallery: Gallery,
        loaded: _Loaded,
        page: Sequence[Searchable],
    ) -> None:
        """What has gone or cannot be read stays outside."""
        with self.store.read() as uow:
            sealed = uow.templates.of([one.validation_id for one in page], template_format)
        templates = {
            stored.validation_id: template
            for stored, template in zip(sealed, self.vault.open(sealed), strict=True)
        }
        for one in page:
            template = templates.get(one.validation_id)
            if template is not None and _is_put(gallery, whose, one.validation_id, template):
                loaded.inside[one.validation_id] = one
                loaded.damaged.pop(one.validation_id, None)
            else:
                loaded.damaged[one.validation_id] = one.described_at


def best_of_each(candidates: Iterable[Candidate], owners: Mapping[str, str], own_entity_id: str) -> list[Found]:
    """Every entity by its best candidate, the highest score first. `owners`: entities by the candidates' keys."""
    best: dict[str, Found] = {}
    for candidate in sorted(candidates, key=lambda one: (-one.score.value, one.key)):
        entity_id = owners.get(candidate.key)
        if entity_id is not None and entity_id not in best:
            face = FoundFace(entity_id, candidate.score.value, entity_id == own_entity_id)
            best[entity_id] = Found(face, candidate.key)
    return list(best.values())


def _is_put(gallery: Gallery, whose: ProbeOf, key: str, template: Template) -> bool:
    try:
        gallery.put(whose.organization_id, whose.is_test, key, template)
    except ValueError:
        return False
    return True
