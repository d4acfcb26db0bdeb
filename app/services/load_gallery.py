"""A gallery is filled from the store: sealed templates are opened and put into memory, page by page."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from app.domain.comparison import TemplateFormat
from app.domain.organization import StoredTemplate
from app.services.ports import Clock, Gallery, TemplateVault
from app.services.store import Store

PAGE = 500
"""Templates that are read, and whose keys are fetched, at once: bounds memory and the length of a transaction."""


@dataclass(frozen=True)
class LoadedGallery:
    """How many templates can be searched now, how many could not be read, and how long it all took."""

    templates: int
    damaged: int
    elapsed_ms: int


@dataclass(frozen=True, kw_only=True)
class LoadGallery:
    """Approved enrolments of one organization and mode, under their validation's id.

    The gallery is to be told of approvals and withdrawals only afterwards: a template that is withdrawn while
    its page is being opened would come back.
    """

    store: Store
    vault: TemplateVault
    gallery: Gallery
    clock: Clock

    def __call__(self, organization_id: str, is_test: bool, template_format: TemplateFormat) -> LoadedGallery:
        """A damaged template is counted and left out: one bad row must not hide all the others."""
        began_ms = self.clock.monotonic_ms()
        templates = damaged = 0
        for page in self._pages(organization_id, is_test, template_format):
            loaded = self._load(page)
            templates += loaded
            damaged += len(page) - loaded
        return LoadedGallery(templates, damaged, self.clock.monotonic_ms() - began_ms)

    def _pages(
        self, organization_id: str, is_test: bool, template_format: TemplateFormat
    ) -> Iterator[Sequence[StoredTemplate]]:
        """Each in a transaction of its own, which has ended before anything is decrypted."""
        after = ""
        while True:
            with self.store.read() as uow:
                page = uow.templates.of_approved(organization_id, is_test, template_format, after, PAGE)
            if page:
                yield page
            if len(page) < PAGE:
                return
            after = page[-1].validation_id

    def _load(self, page: Sequence[StoredTemplate]) -> int:
        loaded = 0
        for stored, template in zip(page, self.vault.open(page), strict=True):
            if template is None:
                continue
            try:
                self.gallery.put(stored.organization_id, stored.is_test, stored.validation_id, template)
            except ValueError:
                continue
            loaded += 1
        return loaded
