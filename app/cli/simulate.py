"""`bonafide simulate`: a recorded clip through a running server's real pipeline, for tests of integrations."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click
import httpx

from app.adapters.mediapipe_landmarker import LandmarkerPool
from app.cli.settings import read_settings
from app.cli.simulated_page import PageRefused, SimulatedPage
from app.main import load_models
from app.main.models import LANDMARKER_MODEL
from app.simulation.camera import PAGE_QUALITY, encode
from app.simulation.clip_performer import clip_performer
from app.simulation.clips import camera_size, fit, open_clip
from app.simulation.performance import Performance, blind_recording
from app.simulation.scene import Actor, Filmed, Frozen, Person, Tape

LIVE_PREFIX = "bf_live_"
RATE = 15.0
SESSIONS = "/api/kyc/biometric/sessions"
TIMEOUT_SECONDS = 30.0
ROLES = ("performer", "blind", "loop", "still", "frozen")
OUTCOMES = ("approved", "rejected", "in_review")


@click.command("simulate")
@click.option("--url", help="The server, with --key and --entity: a session is made.")
@click.option("--key", envvar="BONAFIDE_API_KEY", help="A test key, bf_test_…; also BONAFIDE_API_KEY.")
@click.option("--entity", "entity_id", help="The entity with the approved reference of who is in the clip.")
@click.option("--session-url", help="The link of a session that was made already, instead.")
@click.option(
    "--clip", required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path), help="A video file."
)
@click.option("--as", "role", type=click.Choice(ROLES), default=ROLES[0], show_default=True, help="Who plays it.")
@click.option("--expect", type=click.Choice(OUTCOMES), help="End with 1 for any other outcome.")
@click.option("--seed", type=int, default=1, show_default=True, help="Of reactions, noise and pauses.")
def command(
    url: str | None,
    key: str | None,
    entity_id: str | None,
    session_url: str | None,
    clip: Path,
    role: str,
    expect: str | None,
    seed: int,
) -> None:
    """Run a recorded clip through a session of a running server, as a page would. For test sessions only.

    A performer does what is asked, as far as the clip shows it; blind plays the clip as it is, loop everything it
    shows over and over, still one picture, frozen one file. Prints the outcome alone on the last line.
    """
    if key is not None and key.startswith(LIVE_PREFIX):
        raise click.UsageError("this is a live key: sessions are simulated with test keys only, bf_test_…")
    if session_url is None and not (url and key and entity_id):
        raise click.UsageError("name --session-url, or --url, --key and --entity")
    performance = _performance(clip) if role in ("performer", "loop") else None
    actor = make_actor(role, clip, performance, seed)
    with httpx.Client(timeout=TIMEOUT_SECONDS) as http:
        session_id = None
        if session_url is None:
            avoid = performance.abilities_to_avoid() if performance and role == "performer" else []
            created = _call(
                http, "POST", f"{str(url).rstrip('/')}{SESSIONS}", str(key), _session(entity_id, avoid)
            )
            session_url, session_id = str(created["sessionUrl"]), str(created["id"])
        try:
            outcome = SimulatedPage(http, session_url, actor, lambda line: click.echo(line, err=True)).play()
        except PageRefused as refused:
            raise click.ClickException(f"the session could not be played: {refused}") from refused
        if session_id is not None:
            _explain(_call(http, "GET", f"{str(url).rstrip('/')}{SESSIONS}/{session_id}", str(key)))
    found = str(outcome.get("outcome"))
    click.echo(found)
    if expect is not None and found != expect:
        raise click.exceptions.Exit(1)


def make_actor(role: str, clip: Path, performance: Performance | None, seed: int) -> Actor:
    """What stands before the camera in that role. `performance` is needed by `performer` and `loop`."""
    if performance is not None and role == "performer":
        return Filmed(Person(performance, seed), seed)
    if performance is not None and role == "loop":
        return Filmed(Tape(list(blind_recording(performance)), performance.frames_per_second), seed)
    rate, images = open_clip(clip, RATE)
    frames = [encode(fit(image, *camera_size(image)), PAGE_QUALITY) for image in images]
    if not frames:
        raise click.ClickException(f"{clip.name} has no frame that can be read")
    if role == "frozen":
        return Frozen(frames[0])
    return Filmed(Tape(frames if role == "blind" else frames[:1], rate), seed)


def _performance(clip: Path) -> Performance:
    """Look at the clip with this installation's own model."""
    path = load_models(read_settings()).paths.get(LANDMARKER_MODEL)
    if path is None:
        raise click.ClickException(f"the model {LANDMARKER_MODEL} is missing: run `bonafide models pull`")
    landmarker = LandmarkerPool(path, 1)
    try:
        performance = clip_performer(clip, landmarker, RATE)
    except ValueError as error:
        raise click.ClickException(f"nobody can be made of this clip: {error}") from error
    finally:
        landmarker.close()
    shown = ", ".join(kind.value for kind in performance.movements) or "no movement"
    click.echo(f"the clip shows {shown}", err=True)
    return performance


def _session(entity_id: str | None, avoid: Sequence[str]) -> dict[str, Any]:
    return {"entityId": entity_id, "accessibility": {"avoid": list(avoid)}}


def _call(http: httpx.Client, method: str, address: str, key: str, body: object = None) -> dict[str, Any]:
    """The API's answer. A refusal ends the command with its own words."""
    try:
        answer = http.request(method, address, json=body, headers={"Authorization": f"Bearer {key}"})
        found = answer.json()
    except (httpx.HTTPError, ValueError) as error:
        raise click.ClickException(f"no answer of the API at {address}: {type(error).__name__}") from error
    if not answer.is_success or not isinstance(found, dict):
        said = found.get("message") if isinstance(found, dict) else ""
        raise click.ClickException(f"the API answers {answer.status_code}: {said}")
    return found


def _explain(session: dict[str, Any]) -> None:
    """Why, as far as the API says."""
    decision = session.get("decision") or {}
    for line in (
        f"status   {session.get('status')}",
        f"warnings {', '.join(decision.get('warnings') or []) or '–'}",
    ):
        click.echo(line, err=True)
