"""People enrolled through this run of the demo, in memory: a restart forgets them, the API does not."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass, replace

PEOPLE_MAX = 50
SESSIONS_MAX = 20
"""Of one person; the oldest are forgotten first."""


@dataclass(frozen=True)
class SessionNote:
    """A session as it was last seen."""

    session_id: str
    status: str


@dataclass(frozen=True)
class Person:
    """Somebody who was enrolled here, with the sessions that were started here, newest first."""

    entity_id: str
    organization_id: str
    name: str
    enrolled_at: str
    sessions: tuple[SessionNote, ...] = ()

    def to_json(self) -> dict[str, object]:
        """As the page takes it."""
        return {
            "entityId": self.entity_id,
            "name": self.name,
            "enrolledAt": self.enrolled_at,
            "sessions": [{"id": note.session_id, "status": note.status} for note in self.sessions],
        }


class RecentPeople:
    """Safe to use from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._people: dict[str, Person] = {}

    def add(self, person: Person) -> None:
        with self._lock:
            self._people[person.entity_id] = person
            while len(self._people) > PEOPLE_MAX:
                del self._people[next(iter(self._people))]

    def get(self, entity_id: str) -> Person | None:
        with self._lock:
            return self._people.get(entity_id)

    def newest_first(self) -> Sequence[Person]:
        with self._lock:
            return list(reversed(self._people.values()))

    def of_session(self, session_id: str) -> Person | None:
        with self._lock:
            for person in self._people.values():
                if any(note.session_id == session_id for note in person.sessions):
                    return person
        return None

    def note_session(self, entity_id: str, session_id: str, status: str) -> None:
        """Remember a session, or how it stands now."""
        note = SessionNote(session_id, status)
        with self._lock:
            person = self._people.get(entity_id)
            if person is None:
                return
            if any(known.session_id == session_id for known in person.sessions):
                sessions = tuple(note if known.session_id == session_id else known for known in person.sessions)
            else:
                sessions = (note, *person.sessions)[:SESSIONS_MAX]
            self._people[entity_id] = replace(person, sessions=sessions)
