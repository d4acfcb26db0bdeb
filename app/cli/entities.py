"""`bonafide entities`: enrolment from the command line, and the search for a double one, through use cases."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import click

from app.cli.settings import read_settings
from app.cli.store import find_organization, opened
from app.domain.comparison import DEFAULT_THRESHOLD
from app.domain.organization import Caller, Scope
from app.main import (
    Infrastructure,
    load_models,
    make_blob_store,
    make_images,
    make_import_validation,
    make_matching_core,
)
from app.main.gallery import make_search_enrolments, make_search_probe
from app.services.import_validation import ValidationImport
from app.services.register_entity import NewEntity, RegisterEntity
from app.services.search_enrolments import EnrolmentSearch


@click.group("entities", help="Enrol capture subjects from a portrait, and find double enrolments.")
def command() -> None:
    pass


@command.command("enrol")
@click.option("--org", "slug", required=True, help="Organization, by its short name.")
@click.option("--name", required=True, help="The person's name.")
@click.option("--external-id", help="The integrator's own id of the person.")
@click.option("--test/--live", "is_test", default=True, show_default=True, help="Which keys see the person.")
@click.option(
    "--portrait",
    required=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="An image file.",
)
def enrol(slug: str, name: str, external_id: str | None, is_test: bool, portrait: Path) -> None:
    """Make an entity with an approved validation and print the entity's id, alone on the last line."""
    settings = read_settings(requires=["master_keys"], may_use_dev_secrets=True)
    models = load_models(settings)
    core = make_matching_core(settings, models, make_images(settings))
    with opened(settings) as infrastructure:
        caller = operator_of(infrastructure, slug, is_test=is_test)
        blobs = make_blob_store(settings, infrastructure)
        search = make_search_probe(settings, infrastructure, models, core, blobs)
        import_validation = make_import_validation(settings, infrastructure, core, blobs, search)
        register = RegisterEntity(
            store=infrastructure.store, clock=infrastructure.clock, randomness=infrastructure.randomness
        )
        image = portrait.read_bytes()
        import_validation.face_of(image)  # before anything is written
        entity = register(caller, NewEntity(name=name, external_id=external_id))
        validation = import_validation(caller, ValidationImport(entity.entity_id, image))
    status = validation.status.value.replace("_", " ")
    click.echo(f"Entity of {slug} with a validation that is {status}, {validation.validation_id}:", err=True)
    click.echo(entity.entity_id)


@command.command("search")
@click.argument("portrait", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--organization", "--org", "slug", required=True, help="Organization, by its short name.")
@click.option("--test/--live", "is_test", default=True, show_default=True, help="Among whom to search.")
@click.option("--limit", type=click.IntRange(1, 100), default=10, show_default=True, help="Candidates at most.")
def search(portrait: Path, slug: str, is_test: bool, limit: int) -> None:
    """Find the enrolments that look most like a portrait: for a suspected double enrolment, and nothing else.

    This identifies people. Every search is recorded in the organization's audit trail.
    """
    settings = read_settings(requires=["master_keys"], may_use_dev_secrets=True)
    models = load_models(settings)
    core = make_matching_core(settings, models, make_images(settings))
    with opened(settings) as infrastructure:
        search_enrolments = make_search_enrolments(settings, infrastructure, models, core)
        caller = operator_of(infrastructure, slug, is_test=is_test)
        result = search_enrolments(caller, portrait.read_bytes(), limit)
    click.echo(
        f"This is an identification of people, for a suspected double enrolment and nothing else.\n"
        f"It is recorded in the audit trail of {slug}.\n",
        err=True,
    )
    for line in candidate_lines(result):
        click.echo(line)
    for line in explanation(result):
        click.echo(line, err=True)


def candidate_lines(result: EnrolmentSearch) -> Iterator[str]:
    """A line for each candidate, those at or above the threshold marked."""
    yield f"  {'score':>6}  {'entity':<36}  validation"
    for found in result.found:
        mark = "*" if found.is_match else " "
        yield f"{mark} {found.score.value:>6.2f}  {found.entity_id}  {found.validation_id}"


def explanation(result: EnrolmentSearch) -> Iterator[str]:
    """What was searched, what was not, and what a mark is worth."""
    loaded = result.loaded
    yield (
        f"\n{len(result.found)} candidates among {loaded.templates} templates; "
        f"start-up with decryption took {loaded.elapsed_ms} ms."
    )
    if any(found.is_match for found in result.found):
        # The scale is fixed at a false match rate of 0.1 % or less there (docs/matching.md).
        yield (
            f"* is {DEFAULT_THRESHOLD:g} or more. That proves nothing by itself: look at the pictures. "
            "Of 1,000 other people one may reach it by chance."
        )
    if result.faces > 1:
        yield f"The portrait shows {result.faces} faces; the largest was searched for."
    if loaded.damaged:
        yield f"{loaded.damaged} templates could not be read and were not searched."
    if result.not_described:
        yield (
            f"{result.not_described} approved enrolments (of all organizations) have no template of this "
            "recognizer and cannot be found; see `bonafide templates status`."
        )


def operator_of(infrastructure: Infrastructure, slug: str, *, is_test: bool) -> Caller:
    """Whoever sits at the command line."""
    return Caller(find_organization(infrastructure, slug), is_test, "operator", frozenset({Scope.ADMIN}))
