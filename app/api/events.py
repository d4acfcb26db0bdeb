"""The organization's events, for integrators who catch up."""

from __future__ import annotations

from flask import Blueprint
from flask.typing import ResponseReturnValue

from app.api.answers import reply
from app.api.authentication import caller, requires
from app.api.event_payloads import EventRendering, EventsAnswer
from app.api.requests import PAGE_DEFAULT, Limit, Sequence
from app.api.services import api_services
from app.domain.organization import Scope
from app.web.openapi import Operation, Returns
from app.web.requests import Body, read_query

events = Blueprint("events", __name__, url_prefix="/events")


class EventsQuery(Body):
    """`GET /api/events`."""

    after: Sequence = 0
    limit: Limit = PAGE_DEFAULT


OPERATIONS = (
    Operation(
        method="get",
        path="/api/events",
        operation_id="listEvents",
        summary="Read events",
        description=(
            "Those of the caller's mode with a greater `sequence` than `after`, in order. Begin with 0, go on "
            "with `next`, and nothing is missed; an event that a webhook has brought has the same `sequence`. "
            "Numbers may be left out: live and test events count together."
        ),
        scope=Scope.EVENTS_READ,
        query=EventsQuery,
        answers={200: Returns("The next events.", EventsAnswer)},
    ),
)


@events.get("")
@requires(Scope.EVENTS_READ)
def list_events() -> ResponseReturnValue:
    query, services = read_query(EventsQuery), api_services()
    found = services.read_events(caller(), query.after, query.limit)
    rendering = EventRendering(services.links, services.public_url)
    return reply(
        EventsAnswer(
            events=tuple(rendering.answer(event) for event in found),
            next=found[-1].sequence if found else query.after,
        )
    )
