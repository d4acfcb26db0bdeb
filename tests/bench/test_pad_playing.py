"""Whatever a try meets, what has ended is reported and written."""

from __future__ import annotations

import json
import multiprocessing
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import bench.pad_error_rates as program
from app.domain.errors import InvalidRequest
from app.domain.verdict import ModelIdentity
from bench.pad.casting import Cast
from bench.pad.people import Listed
from bench.pad.playing import Ended, leave_signals_to_parent, play_all
from bench.pad.species import SPECIES
from bench.pad.trial import Material, Plan, Result, Species, failed, plans_of

PLANS = [Plan("x", number, 1, is_narrow=False) for number in range(5)]


def result_of(plan: Plan) -> Result:
    return Result(plan.species, plan.number, "ann", plan.is_narrow, "rejected", ("passive",), 0.0)


def raises_at_two(plan: Plan) -> Result:
    if plan.number == 2:
        raise ValueError("no face\nin it")
    return result_of(plan)


def dies_at_three(plan: Plan) -> Result:
    if plan.number == 3:
        os._exit(9)
    return result_of(plan)


@pytest.fixture
def workers() -> Iterator[ProcessPoolExecutor]:
    pool = ProcessPoolExecutor(1, multiprocessing.get_context("spawn"))
    yield pool
    pool.shutdown(wait=True, cancel_futures=True)


def played(
    workers: ProcessPoolExecutor,
    attempt: Callable[[Plan], Result],
    on_end: Callable[[Sequence[Result]], None] = lambda _: None,
) -> Ended:
    return play_all(workers, attempt, PLANS, seconds=None, on_end=on_end)


def test_a_try_that_raises_is_one_try_less(workers: ProcessPoolExecutor) -> None:
    ended = played(workers, raises_at_two)
    assert (len(ended.results), ended.cut) == (5, "")
    wrong = ended.results[2]
    assert (wrong.number, wrong.status, wrong.stopped_by) == (2, "error", ("ValueError",))
    assert wrong.message == "ValueError: no face in it"
    assert not wrong.is_played


def test_a_process_that_dies_ends_the_run_with_what_there_is(workers: ProcessPoolExecutor) -> None:
    ended = played(workers, dies_at_three)
    assert [one.number for one in ended.results] == [0, 1, 2]
    assert ended.cut.startswith("a process died (BrokenProcessPool")


class AtOnce(ProcessPoolExecutor):
    """Plays in this process: the first `now` tries when they are submitted, the others while it is shut down."""

    def __init__(self, now: int = len(PLANS)) -> None:
        self._now, self._later = now, list[Callable[[], None]]()

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        future: Future[Any] = Future()
        self._later.append(lambda: future.set_result(fn(*args, **kwargs)))
        if self._now > 0:
            self._now -= 1
            self._later.pop()()
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """One of those that run ends, the rest does not."""
        if wait:
            self._later.pop(0)()


def test_a_run_that_is_interrupted_counts_what_has_ended_and_what_ends_meanwhile() -> None:
    def interrupts(results: Sequence[Result]) -> None:
        if len(results) == 2:
            raise KeyboardInterrupt

    ended = play_all(AtOnce(3), result_of, PLANS, seconds=None, on_end=interrupts)
    assert ended.cut == "interrupted"
    assert [one.number for one in ended.results] == [0, 1, 2, 3]


def test_so_does_a_run_whose_time_is_over() -> None:
    ended = play_all(AtOnce(3), result_of, PLANS, seconds=0.0, on_end=lambda _: None)
    assert ended.cut == "the time is over"
    assert [one.number for one in ended.results] == [0, 1, 2, 3]


def test_a_full_disk_or_a_reader_that_has_gone_ends_nothing() -> None:
    def breaks(_: Sequence[Result]) -> None:
        raise BrokenPipeError

    ended = play_all(AtOnce(), result_of, PLANS, seconds=None, on_end=breaks)
    assert (len(ended.results), ended.cut) == (5, "")


def species(name: str, count: int | None = None, *, is_possible: bool = True) -> Species:
    def run(*_: object) -> None:
        raise AssertionError

    return Species(
        name,
        run,  # type: ignore[arg-type]
        lambda _: is_possible,
        "nobody",
        None if count is None else lambda _: count,
    )


def test_plans_go_on_to_the_last_recording_of_any_species() -> None:
    chosen = [species("a"), species("b", 5), species("c", 3), species("d", 9, is_possible=False)]
    plans = list(plans_of(chosen, Material((), ()), 2, 1))
    counted = {name: [plan.number for plan in plans if plan.species == name] for name in "abcd"}
    assert counted == {"a": [0, 1], "b": [0, 1, 2, 3, 4], "c": [0, 1, 2], "d": []}
    assert [plan.species for plan in plans[:3]] == ["a", "b", "c"]


def replay(name: str, *, has_portrait: bool) -> Listed:
    return Listed(name, name, Path("nowhere"), True, (480, 640), has_portrait, (), (), (), ())


def test_a_screen_replay_without_a_still_is_counted_among_them() -> None:
    material = Material([replay("a", has_portrait=True), replay("b", has_portrait=False)], [])
    assert SPECIES["screen_replays"].tries(material, 60) == 2


MODELS = SimpleNamespace(
    files=SimpleNamespace(manifest=[SimpleNamespace(model_id=name) for name in ("fr_liveness", "minifasnet_v2")]),
    identity=lambda name: ModelIdentity(name, "ab" * 32 if name == "fr_liveness" else None),
    all_missing=("minifasnet_v2 (missing)",),
    required_missing=(),
)


class Run:
    """The program over a folder without media, its processes replaced."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.out, self.plot = folder / "pad.json", folder / "pad.png"
        self.results: list[Result] = []
        self.cut = ""
        monkeypatch.setattr("signal.signal", lambda *_: None)
        monkeypatch.setattr(program, "cast", lambda *_: Cast([replay("b", has_portrait=False)], []))
        monkeypatch.setattr(program, "load_models", lambda *_: MODELS)
        monkeypatch.setattr(program, "play_all", self._play)
        self.folder = folder

    def _play(self, *_: object, on_end: Callable[[Sequence[Result]], None], seconds: float | None) -> Ended:
        for number in range(len(self.results)):
            on_end(self.results[: number + 1])
        return Ended(self.results, self.cut)

    def __call__(self, *options: str) -> int:
        files = ["--media", str(self.folder), "--out", str(self.out), "--plot", str(self.plot)]
        return program.main([*files, "--workers", "1", *options])

    def written(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.out.read_text("utf-8"))
        return found


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    return Run(tmp_path, monkeypatch)


def test_every_species_that_was_chosen_has_its_line(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    run.results = [result_of(Plan("screen_replays", 0, 1, is_narrow=False))]
    assert run("--species", "screen_replays", "bona_fide", "nuaa_photographs", "person_swapped") == 0
    lines = capsys.readouterr().out.splitlines()
    for name in ("bona_fide", "nuaa_photographs", "person_swapped"):
        (line,) = [one for one in lines if one.startswith(f"{name} ")]
        assert line.split(maxsplit=1)[1].startswith("not possible: ")
    assert any(one.startswith("screen_replays") and "1 tries" in one for one in lines)


def test_nothing_measured_is_no_success(run: Run) -> None:
    assert run("--species", "bona_fide") == 1


def test_a_try_that_went_wrong_is_named_and_the_others_are_written(
    run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    plan = Plan("screen_replays", 1, 1, is_narrow=False)
    run.results = [result_of(plan), failed(plan, ValueError("no face"))]
    run.cut = "a process died"
    assert run("--species", "screen_replays", "screen_replays", "--profile", "strict") == 0
    shown = capsys.readouterr()
    assert "screen_replays 1 not played: ValueError: no face" in shown.err
    assert "cut short, a process died: 2 of 1 tries" in shown.out
    assert "does not start with the profile strict without minifasnet_v2" in shown.out
    written = run.written()
    assert len(written["tries"]) == 2
    assert written["options"]["cut_short"] == "a process died"
    assert {"name": "minifasnet_v2", "sha256": None} in written["models"]
    assert run.plot.exists()


def test_a_plot_that_fails_keeps_nothing_from_being_written(
    run: Run, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fails(*_: object) -> None:
        raise RuntimeError("no font")

    monkeypatch.setattr(program, "plot", fails)
    run.results = [result_of(Plan("screen_replays", 0, 1, is_narrow=False))]
    assert run("--species", "screen_replays") == 1
    assert "was not written: RuntimeError: no font" in capsys.readouterr().err
    assert run.written()["tries"]


def test_results_are_written_while_others_are_played(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(program, "WRITE_EVERY_SECONDS", 0.0)
    run.results = [result_of(Plan("screen_replays", 0, 1, is_narrow=False))]
    monkeypatch.setattr(program, "_conclude", lambda *_: 7)
    assert run("--species", "screen_replays") == 7
    assert run.written()["options"]["cut_short"] == "not at its end"


def own_group(_: Plan) -> Result:
    return replace(result_of(PLANS[0]), person=f"{os.getpgid(0) == os.getpid()}")


def test_signals_to_the_group_reach_the_first_process_alone() -> None:
    pool = ProcessPoolExecutor(1, multiprocessing.get_context("spawn"), leave_signals_to_parent)
    try:
        assert played(pool, own_group).results[0].person == "True"
    finally:
        pool.shutdown()


def test_an_exception_of_a_session_stays_in_its_try(monkeypatch: pytest.MonkeyPatch) -> None:
    """In the process that played it: not every exception can be sent to another."""

    def perform(*_: object) -> None:
        raise InvalidRequest("The picture shows two large faces.", {"portrait": "two faces"})

    monkeypatch.setattr(program, "perform", perform)
    monkeypatch.setattr(program, "_studio", object())
    wrong = program._try(Plan("bona_fide", 0, 1, is_narrow=True))
    assert (wrong.status, wrong.stopped_by) == ("error", ("InvalidRequest",))
    assert wrong.message == "InvalidRequest: The picture shows two large faces."


def test_a_run_that_was_stopped_when_all_had_ended_was_not_cut_short() -> None:
    def interrupts(results: Sequence[Result]) -> None:
        if len(results) == 4:
            raise KeyboardInterrupt

    ended = play_all(AtOnce(4), result_of, PLANS, seconds=None, on_end=interrupts)
    assert (len(ended.results), ended.cut) == (5, "")
