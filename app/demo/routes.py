"""The demo's server: it holds the API key, and gives its own page only what the page shows.

Whoever reaches a development server can use its demo. So it takes requests of its own page only, and
shows no other people and sessions than those that were made through it since it started.
"""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from urllib.parse import urlsplit

from flask import Blueprint, Response, abort, jsonify, make_response, render_template, request, url_for
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import HTTPException

from app.demo.client import (
    ApiRefused,
    ApiUnreachable,
    BonafideClient,
    Json,
    ResultRefused,
    Session,
)
from app.demo.people import Person, RecentPeople

NAME_MAX_CHARACTERS = 80
RESULT_MAX_CHARACTERS = 4_096

CONTENT_SECURITY_POLICY = {
    "default-src": "'none'",
    "script-src": "'self'",
    "style-src": "'self'",
    "img-src": "'self' data: blob:",
    "media-src": "'self' blob:",
    "connect-src": "'self'",
    "base-uri": "'none'",
    "form-action": "'none'",
    "frame-ancestors": "'none'",
}


@dataclass(frozen=True)
class DemoSettings:
    """Where the API is and the key to it. `verify`: a context for a certificate of one's own, or True."""

    api_base_url: str
    api_key: str = field(repr=False)
    verify: bool | ssl.SSLContext = True


class _Wrong(Exception):
    """The page sent something that cannot be right; the message is for the person."""


def create_demo_blueprint(settings: DemoSettings) -> Blueprint:
    """All routes under `/demo`."""
    return demo_blueprint(
        BonafideClient(settings.api_base_url, settings.api_key, settings.verify), settings.api_base_url
    )


def demo_blueprint(client: BonafideClient, api_base_url: str) -> Blueprint:
    """The same with a client that is there already."""
    demo = Blueprint("demo", __name__, url_prefix="/demo")
    people = RecentPeople()
    demo.before_request(_refuse_other_sites)
    demo.after_request(partial(_secured, frame_source=api_base_url))
    demo.register_error_handler(ApiRefused, lambda error: (jsonify(error.body), error.status))
    demo.register_error_handler(ApiUnreachable, _unreachable)
    demo.register_error_handler(HTTPException, _refused)
    demo.register_error_handler(_Wrong, lambda error: (jsonify(error="DEMO", message=str(error)), 400))
    _add_pages(demo, client, people)
    _add_people(demo, client, people)
    _add_sessions(demo, client, people)
    return demo


def _add_pages(demo: Blueprint, client: BonafideClient, people: RecentPeople) -> None:
    @demo.get("")
    def page() -> ResponseReturnValue:
        return _page(None)

    @demo.get("/returned")
    def returned() -> ResponseReturnValue:
        """The `callback` of redirected sessions. `status` in the query is a hint; `result` is the proof."""
        session_id = request.args.get("sessionId", "")
        person = people.of_session(session_id)
        if person is None:
            return _page({"problem": "This session was not started by this run of the demo."})
        token = request.args.get("result", "")[:RESULT_MAX_CHARACTERS]
        return _page({"sessionId": session_id, **_check_result(client, person, session_id, token)})


def _add_people(demo: Blueprint, client: BonafideClient, people: RecentPeople) -> None:
    @demo.get("/people")
    def list_people() -> ResponseReturnValue:
        return jsonify(people=[person.to_json() for person in people.newest_first()])

    @demo.post("/people")
    def enrol() -> ResponseReturnValue:
        name = request.form.get("name", "").strip()
        portrait = request.files.get("portrait")
        if not 0 < len(name) <= NAME_MAX_CHARACTERS:
            raise _Wrong(f"Enter a name of at most {NAME_MAX_CHARACTERS} characters.")
        if portrait is None:
            raise _Wrong("Take a picture or choose a file first.")
        entity = client.create_entity(name)
        client.import_portrait(entity["id"], portrait.read())
        person = Person(entity["id"], entity["organizationId"], name, entity["createdAt"])
        people.add(person)
        return jsonify(person.to_json()), 201


def _add_sessions(demo: Blueprint, client: BonafideClient, people: RecentPeople) -> None:
    @demo.post("/people/<entity_id>/sessions")
    def start(entity_id: str) -> ResponseReturnValue:
        if people.get(entity_id) is None:
            abort(404)
        try:
            created = client.create_session(entity_id, **_options(request.get_json(silent=True)))
        except ApiRefused as error:
            if active := error.body.get("activeSessionId"):
                people.note_session(entity_id, active, "pending")
            raise
        people.note_session(entity_id, created["id"], created["status"])
        return jsonify(created), 201

    @demo.get("/sessions/<session_id>")
    def read(session_id: str) -> ResponseReturnValue:
        return _known(client.get_session(_own(session_id)))

    @demo.post("/sessions/<session_id>/cancel")
    def cancel(session_id: str) -> ResponseReturnValue:
        return _known(client.cancel_session(_own(session_id)))

    def _own(session_id: str) -> str:
        if people.of_session(session_id) is None:
            abort(404)
        return session_id

    def _known(session: Session) -> ResponseReturnValue:
        people.note_session(session["entityId"], session["id"], session["status"])
        return jsonify(session)


def _options(sent: object) -> Json:
    """What the page may choose. Wrong values are passed on: refusing them is the API's part."""
    wishes = sent if isinstance(sent, Mapping) else {}
    options = {name: wishes[name] for name in ("language", "challenges", "accessibility") if wishes.get(name)}
    if wishes.get("mode") == "redirect":
        options["callback"] = url_for("demo.returned", _external=True)
    return options


def _check_result(client: BonafideClient, person: Person, session_id: str, token: str) -> Json:
    """What the redirect proves, as the page shows it."""
    try:
        result = client.verify_result(token, person.organization_id)
    except (ResultRefused, ApiRefused) as error:
        return {"problem": f"The signed result does not hold: {error}."}
    except ApiUnreachable:
        return {"problem": "The keys to check the signed result could not be fetched."}
    if result.session_id != session_id:
        return {"problem": "The signed result belongs to another session."}
    return {"status": result.status, "keyId": result.key_id, "expiresAt": result.expires_at.isoformat()}


def _page(returned: Json | None) -> ResponseReturnValue:
    return render_template("demo.html", returned=returned, language="en", direction="ltr")


def _refuse_other_sites() -> None:
    """No other site's page may act here in the name of whoever visits it."""
    origin = request.headers.get("Origin")
    if request.method != "GET" and (origin is None or urlsplit(origin).netloc != request.host):
        abort(403)


def _unreachable(_error: ApiUnreachable) -> ResponseReturnValue:
    return jsonify(error="DEMO", message="The API does not answer."), 502


def _refused(error: HTTPException) -> ResponseReturnValue:
    return make_response(jsonify(error="DEMO", message=error.description), error.code or 500)


def _secured(response: Response, frame_source: str) -> Response:
    """Nothing from elsewhere. The origin alone is sent along: the hosted page binds its messages to it."""
    sources = {**CONTENT_SECURITY_POLICY, "frame-src": f"'self' {frame_source}"}
    policy = "; ".join(f"{name} {value}" for name, value in sources.items())
    response.headers["Content-Security-Policy"] = policy
    response.headers["Permissions-Policy"] = "camera=(self)"
    response.headers["Referrer-Policy"] = "strict-origin"
    response.headers["Cache-Control"] = "no-store"
    response.headers["X-Content-Type-Options"] = "nosniff"
    return response
