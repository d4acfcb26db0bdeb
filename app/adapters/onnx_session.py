"""ONNX Runtime, as the matching core uses it.

The runtime is imported where a model is loaded, and never before: the import starts a thread, and a process that
was forked off afterwards (a gunicorn worker) aborts when it ends and looks for that thread.
"""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import onnxruntime

_ERRORS_ONLY = 3


def load_session(
    path: Path, *, any_size: bool = False, outputs: Collection[str] | None = None, keeps_memory: bool = True
) -> onnxruntime.InferenceSession:
    """The model, ready to run; threads share it. RuntimeError where it cannot be loaded.

    With `any_size` it takes pictures of any height and width; of the results it has those named by `outputs`, by
    default all. With `keeps_memory` what one picture took is there for the next, and never given back.
    """
    import onnxruntime  # noqa: PLC0415 (see above)

    from app.adapters.onnx_graph import prepare  # noqa: PLC0415 (the package it needs is for loading alone)

    options = onnxruntime.SessionOptions()
    # The matching core's threads use the cores; threads inside the runtime as well would only fight over them.
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.log_severity_level = _ERRORS_ONLY
    options.enable_cpu_mem_arena = options.enable_mem_pattern = keeps_memory
    try:
        model = prepare(path, any_size=any_size, outputs=outputs)
        return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    except Exception as error:
        raise RuntimeError(f"{path.name} cannot be loaded") from error
