"""Traces of attempts: what their frames measured, kept encrypted beside the images and gone with them."""

from __future__ import annotations

import hashlib
import json
from dataclasses import astuple, fields
from datetime import datetime

from app.domain.challenge import ChallengeKind
from app.domain.errors import RecordUnreadable
from app.domain.organization import Capture
from app.domain.session import BiometricSession
from app.domain.watch import Prompt, Trace, TracePoint
from app.services.new_blobs import NewBlobs
from app.services.ports import BlobAddress, BlobStore, Randomness
from app.services.store import Store

TRACE_KIND = "trace"
COLUMNS = [field.name for field in fields(TracePoint)]


def put_trace(
    blobs: NewBlobs, randomness: Randomness, session: BiometricSession, trace: Trace, now: datetime
) -> Capture:
    """The trace as a blob of the session's entity, and the row that names it; the caller adds the row."""
    data = write_trace(trace)
    capture_id = randomness.object_id()
    address = BlobAddress(session.organization_id, session.entity_id, capture_id, TRACE_KIND)
    return Capture(
        capture_id=capture_id,
        organization_id=session.organization_id,
        entity_id=session.entity_id,
        session_id=session.session_id,
        kind=TRACE_KIND,
        blob_id=blobs.put(address, data),
        content_type="application/json",
        sha256=hashlib.sha256(data).hexdigest(),
        created_at=now,
    )


def read_traces(store: Store, blobs: BlobStore, session_id: str) -> tuple[Trace, ...]:
    """Every attempt's trace that is kept and can be read, in the order of the attempts."""
    with store.read() as uow:
        captures = [one for one in uow.captures.of_session(session_id) if one.kind == TRACE_KIND]
    found = []
    for one in captures:
        address = BlobAddress(one.organization_id, one.entity_id, one.capture_id, one.kind)
        try:
            found.append(read_trace(blobs.get(one.blob_id, address)))
        except RecordUnreadable:
            continue  # erased, or of a key that is gone: the evidence in the decision stands
    return tuple(found)


def write_trace(trace: Trace) -> bytes:
    """Compact JSON: a trace of a minute is 30 kB."""
    prompts = [[one.index, one.kind.value, one.at_ms, one.challenge_id] for one in trace.prompts]
    document = {"columns": COLUMNS, "points": [astuple(one) for one in trace.points], "prompts": prompts}
    return json.dumps(document, separators=(",", ":")).encode()


def read_trace(data: bytes) -> Trace:
    """`RecordUnreadable` for what is no trace."""
    try:
        document = json.loads(data)
        places = [document["columns"].index(name) for name in COLUMNS]
        points = tuple(TracePoint(*(row[place] for place in places)) for row in document["points"])
        prompts = tuple(_read_prompt(*row) for row in document["prompts"])
    except (ValueError, KeyError, TypeError, IndexError) as error:
        raise RecordUnreadable("The trace cannot be read.") from error
    return Trace(points, prompts)


def _read_prompt(index: int, kind: str, at_ms: int, challenge_id: str | None = None) -> Prompt:
    """Traces that are older than the last column have none."""
    return Prompt(index, ChallengeKind(kind), at_ms, challenge_id)
