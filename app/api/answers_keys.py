"""API keys, as the API answers them."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from app.api.answers import Answer, Pagination, Time, Uuid
from app.domain.organization import ApiKey, KeyState, Scope
from app.services.authenticate import KEY_FORMAT
from app.services.manage_keys import IssuedKey

Mode = Literal["test", "live"]


class KeyAnswer(Answer):
    """An API key without its secret. `prefix` is how the key begins.

    `replaces` and `rotatedTo` are the ids of the keys before and after it in a rotation. A key that is `rotated`
    works until `expiresAt`.
    """

    id: Uuid
    name: str
    prefix: str
    scopes: tuple[Scope, ...]
    mode: Mode
    state: KeyState
    created_at: Time
    expires_at: Time | None
    revoked_at: Time | None
    replaces: Uuid | None
    rotated_to: Uuid | None


class NewKeyAnswer(KeyAnswer):
    """A new API key. `key` is shown this once: only its hash is stored."""

    key: Annotated[str, Field(pattern=f"^{KEY_FORMAT.pattern}$")]


class KeysAnswer(Answer):
    """Part of a list."""

    keys: tuple[KeyAnswer, ...]
    pagination: Pagination


def key_answer(key: ApiKey, state: KeyState) -> KeyAnswer:
    """The key as it is read."""
    return KeyAnswer(
        id=key.key_id,
        name=key.name,
        prefix=key.prefix,
        scopes=tuple(scope for scope in Scope if scope in key.scopes),
        mode="test" if key.is_test else "live",
        state=state,
        created_at=key.created_at,
        expires_at=key.expires_at,
        revoked_at=key.revoked_at,
        replaces=key.replaces,
        rotated_to=key.rotated_to,
    )


def new_key_answer(issued: IssuedKey, state: KeyState) -> NewKeyAnswer:
    """The key as it is shown once."""
    return NewKeyAnswer(**dict(key_answer(issued.key, state)), key=issued.text)
