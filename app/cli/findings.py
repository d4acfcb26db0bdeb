"""What `bonafide doctor` found, and how it says so."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

import click


class Level(StrEnum):
    """How one check ended; only a problem makes the command fail."""

    OK = "ok"
    NOTE = "note"
    PROBLEM = "PROBLEM"


@dataclass(frozen=True)
class Finding:
    """One line of the report, and what to do where something is to be done."""

    level: Level
    topic: str
    what: str
    remedy: str = ""


Findings = Iterator[Finding]


def report(findings: Sequence[Finding]) -> None:
    """Print them; `ClickException` where one is a problem."""
    for finding in findings:
        click.echo(f"{finding.level:<8} {finding.topic}: {finding.what}")
        if finding.remedy:
            click.echo(f"{'':<8} → {finding.remedy}")
    problems = sum(finding.level is Level.PROBLEM for finding in findings)
    if problems:
        raise click.ClickException(f"{problems} problem(s) found")
    click.echo("No problem found.")
