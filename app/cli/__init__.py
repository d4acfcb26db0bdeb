"""The command line. Each command is a module that is imported only when it is asked for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module

import click


@dataclass(frozen=True)
class LazyCommand:
    """Where a command lives (its module exposes `command`) and the line that the overview shows."""

    module: str
    summary: str


COMMANDS: Mapping[str, LazyCommand] = {
    "serve": LazyCommand("app.cli.serve", "Serve hosted sessions and the API."),
    "worker": LazyCommand("app.cli.worker", "Deliver webhooks and end overdue sessions, without serving."),
    "models": LazyCommand("app.cli.models", "Fetch and check the model files."),
    "calibrate": LazyCommand("app.cli.calibrate", "Measure error rates on your own labelled pairs."),
    "matching": LazyCommand("app.cli.matching", "Serve the matching core alone."),
    "org": LazyCommand("app.cli.organizations", "Create, list and show organizations."),
    "keys": LazyCommand("app.cli.keys", "Create, list, rotate and revoke API keys."),
    "entities": LazyCommand("app.cli.entities", "Enrol capture subjects from a portrait."),
    "session": LazyCommand("app.cli.sessions", "Recompute the verdict of a session."),
    "webhooks": LazyCommand("app.cli.webhooks", "See webhooks arrive on this machine."),
    "templates": LazyCommand("app.cli.templates", "Count and renew the templates of enrolments."),
    "simulate": LazyCommand("app.cli.simulate", "Run a recorded clip through a test session."),
    "doctor": LazyCommand("app.cli.doctor", "Check models, store, secrets and clock, and say what to do."),
}


class LazyGroup(click.Group):
    """Knows its commands by name, so that `bonafide models` loads no face analysis."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        command = import_module(COMMANDS[cmd_name].module).command
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, command.summary) for name, command in COMMANDS.items()])


@click.command(cls=LazyGroup)
@click.version_option(package_name="bonafide", prog_name="bonafide")
def cli() -> None:
    """Prove in a browser that a person is alive, present and the one who was verified before.

    Settings are BONAFIDE_* variables; `bonafide doctor` says what is missing.
    """
