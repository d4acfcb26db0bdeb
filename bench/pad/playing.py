"""The tries of a run, in processes of their own. Whatever one of them meets, all that end are counted."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import BrokenExecutor, Future, ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from multiprocessing.process import BaseProcess

from bench.pad.people import said
from bench.pad.trial import Plan, Result, failed


@dataclass(frozen=True)
class Ended:
    """`cut` says why not all was played, empty where it was."""

    results: Sequence[Result]
    cut: str = ""


def play_all(
    workers: ProcessPoolExecutor,
    attempt: Callable[[Plan], Result],
    plans: Sequence[Plan],
    *,
    seconds: float | None,
    on_end: Callable[[Sequence[Result]], None],
) -> Ended:
    """Play them; `on_end` is told all results so far, the latest last. An interrupt ends it early."""
    waiting: dict[Future[Result], Plan] = {}
    results: dict[Future[Result], Result] = {}
    cut = ""
    try:
        for plan in plans:
            waiting[workers.submit(attempt, plan)] = plan
        for future in as_completed(waiting, seconds):
            results[future] = _result(future, waiting[future])
            with contextlib.suppress(OSError):  # nobody reads the output any more, or the disk is full
                on_end(tuple(results.values()))
    except TimeoutError:
        cut = "the time is over"
    except KeyboardInterrupt:
        cut = "interrupted"
    except BrokenExecutor as error:
        cut = f"a process died ({said(error)})"
    if cut:
        with contextlib.suppress(KeyboardInterrupt):
            workers.shutdown(wait=True, cancel_futures=True)
        for future, plan in waiting.items():
            if future not in results and _has_ended(future):
                results[future] = _result(future, plan)
    if len(results) == len(plans):
        cut = ""
    return Ended(sorted(results.values(), key=lambda one: (one.species, one.number)), cut)


def leave_signals_to_parent() -> None:
    """For a process of the pool: what stops a group or a terminal stops the parent, and here the try ends first.

    Where the parent is gone there is nobody to end it for.
    """
    os.setpgrp()
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_end_after, args=(parent,), daemon=True).start()


def _end_after(parent: BaseProcess) -> None:
    parent.join()
    os._exit(1)


def _result(future: Future[Result], plan: Plan) -> Result:
    try:
        return future.result()
    except BrokenExecutor:
        raise
    except Exception as error:  # noqa: BLE001 (one try must not take the others with it)
        return failed(plan, error)


def _has_ended(future: Future[Result]) -> bool:
    """Not cancelled, and not lost with its process."""
    if not future.done() or future.cancelled():
        return False
    error = future.exception()
    return error is None or (isinstance(error, Exception) and not isinstance(error, BrokenExecutor))
