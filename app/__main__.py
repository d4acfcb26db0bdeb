"""`python -m app`, and the console script `bonafide`."""

from __future__ import annotations

from app.cli import cli


def main() -> None:
    cli(prog_name="bonafide")


if __name__ == "__main__":
    main()
