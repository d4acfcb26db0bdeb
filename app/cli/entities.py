"""`bonafide entities`: enrolment from the command line, through the same use cases as the API."""

from __future__ import annotations

from pathlib import Path

import click
from sqlalchemy.exc import SQLAlchemyError

from app.cli.keys import find_organization
from app.cli.settings import read_settings
from app.domain.errors import BonafideError
from app.domain.organization import Caller, Scope
from app.main import (
    load_models,
    make_blob_store,
    make_images,
    make_import_validation,
    make_matching_core,
    open_infrastructure,
    prepare_store,
)
from app.services.import_validation import ValidationImport
from app.services.register_entity import NewEntity, RegisterEntity


@click.group("entities", help="Enrol capture subjects from a portrait.")
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
    core = make_matching_core(settings, load_models(settings), make_images(settings))
    try:
        prepare_store(settings)
        infrastructure = open_infrastructure(settings)
        try:
            organization = find_organization(infrastructure, slug)
            caller = Caller(organization, is_test, "operator", frozenset({Scope.ADMIN}))
            blobs = make_blob_store(settings, infrastructure)
            import_validation = make_import_validation(settings, infrastructure, core, blobs)
            register = RegisterEntity(
                store=infrastructure.store, clock=infrastructure.clock, randomness=infrastructure.randomness
            )
            image = portrait.read_bytes()
            import_validation.face_of(image)  # before anything is written
            entity = register(caller, NewEntity(name=name, external_id=external_id))
            validation = import_validation(caller, ValidationImport(entity.entity_id, image))
        finally:
            infrastructure.store.close()
    except (BonafideError, OSError, SQLAlchemyError) as error:
        raise click.ClickException(str(error).splitlines()[0]) from error
    click.echo(f"Entity of {slug} with the approved validation {validation.validation_id}:", err=True)
    click.echo(entity.entity_id)
