"""docs/embedding.md is true: its tables say what the code says, and its commands are commands.

That its snippets work a browser shows (e2e/test_embedding.py).
"""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
from click.testing import CliRunner

from app.api.answers_sessions import IFRAME_ALLOW
from app.cli import cli

PROJECT = Path(__file__).resolve().parents[1]
TEXT = (PROJECT / "docs" / "embedding.md").read_text("utf-8")
SDK = (PROJECT / "static" / "sdk" / "bonafide.js").read_text("utf-8")
PROTOCOL = (PROJECT / "static" / "js" / "protocol.js").read_text("utf-8")


def snippet(name: str) -> str:
    """What stands in the document under that name."""
    (found,) = re.findall(rf"<!-- test: {name} -->\n```\w+\n(.*?)```", TEXT, re.DOTALL)
    return str(found)


def table(heading: str) -> list[tuple[str, ...]]:
    """Rows of the first table under a heading; the words in code of each cell."""
    section = TEXT.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    body = section.partition("\n| --- |")[2]
    rows = [line.strip("| ").split(" | ") for line in body.splitlines() if line.startswith("| `")]
    return [tuple(cell.strip().strip("`") for cell in row) for row in rows]


def test_every_message_of_the_page_is_an_event_of_the_table() -> None:
    (listed,) = re.findall(r"PARENT_MESSAGES = Object\.freeze\(\[(.*?)\]", PROTOCOL, re.DOTALL)
    assert [row[1] for row in table("Events")] == re.findall(r'"(\w+)"', listed)
    (types,) = re.findall(r"@typedef \{(.*?)\} EventType", SDK)
    assert [row[0] for row in table("Events")] == re.findall(r'"(\w+)"', types)


def test_modes_and_codes_are_those_of_the_sdk() -> None:
    (modes,) = re.findall(r"@property \{(.*?)\} \[mode\]", SDK)
    assert {row[0] for row in table("With the SDK")} == set(re.findall(r'"(\w+)"', modes))
    for code in set(re.findall(r'code: "(\w+)"', SDK)):
        assert f"`{code}`" in TEXT


def test_the_sdk_allows_what_the_api_says() -> None:
    assert f'IFRAME_ALLOW = "{IFRAME_ALLOW}"' in SDK


@pytest.mark.parametrize("line", snippet("doctor").splitlines())
def test_the_commands_are_commands(line: str) -> None:
    program, *arguments = shlex.split(line)
    assert program == ".venv/bin/bonafide"
    assert CliRunner().invoke(cli, [*arguments, "--help"]).exit_code == 0
    assert CliRunner().invoke(cli, [*arguments, "--no-such-option", "--help"]).exit_code == 2
