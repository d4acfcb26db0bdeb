"""Events as integrators get them: what a webhook carries, and what a list of events has."""

from __future__ import annotations

from dataclasses import dataclass

from app.api.answers import Answer, Time, Uuid
from app.api.answers_entities import EntityAnswer, ValidationAnswer, entity_answer, validation_answer
from app.api.answers_sessions import SessionAnswer, session_answer
from app.api.session_urls import session_page_url
from app.domain.event import Event, EventName
from app.domain.session import BiometricSession
from app.services.ports import SessionLinks


class SessionPayload(SessionAnswer):
    """A session as `GET` had it when this happened, with its entity."""

    entity: EntityAnswer


class ValidationPayload(ValidationAnswer):
    """A KYC validation as `GET` had it when this happened, with its entity."""

    entity: EntityAnswer


class EventAnswer(Answer):
    """What happened, and to what. `sequence` orders the organization's events; webhooks come in any order."""

    event: EventName
    timestamp: Time
    organization_id: Uuid
    sequence: int
    payload: SessionPayload | ValidationPayload


class EventsAnswer(Answer):
    """In order. `next` is what to ask for `after` the next time."""

    events: tuple[EventAnswer, ...]
    next: int


@dataclass(frozen=True)
class EventRendering:
    """Implements `EventBodies`. `public_url` has no trailing slash."""

    links: SessionLinks
    public_url: str

    def body(self, event: Event) -> bytes:
        return self.answer(event).model_dump_json(by_alias=True).encode("utf-8")

    def answer(self, event: Event) -> EventAnswer:
        """The envelope."""
        return EventAnswer(
            event=event.name,
            timestamp=event.at,
            organization_id=event.organization_id,
            sequence=event.sequence,
            payload=self._payload(event),
        )

    def _payload(self, event: Event) -> SessionPayload | ValidationPayload:
        entity = entity_answer(event.entity)
        if event.session is not None:
            session = session_answer(event.session, self._session_url(event.session))
            return SessionPayload(**dict(session), entity=entity)
        if event.validation is not None:
            return ValidationPayload(**dict(validation_answer(event.validation)), entity=entity)
        raise ValueError("an event of nothing")

    def _session_url(self, session: BiometricSession) -> str:
        return session_page_url(self.links, self.public_url, session)
