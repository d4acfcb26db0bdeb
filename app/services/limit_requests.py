"""How often a key may call, and how often a stranger may guess at one."""

from __future__ import annotations

import hashlib
import ipaddress
from collections import OrderedDict
from dataclasses import dataclass, field
from threading import Lock

from app.domain.organization import Caller
from app.services.ports import Rate, RateLimiter, RateStanding

LOOKUPS_PER_FAILURE = 10
"""How many more new keys of an address are looked up once its failures are used up."""

STRANGER_GROUPS = 8192
"""Addresses are counted in so many groups. Whoever owns 2^32 of them cannot fill the memory; a stranger who
shares a group with another is told to wait, which no key in use ever is."""

KNOWN_KEYS_MAX = 10_000
IPV6_NETWORK_BITS = 64
"""The least that one customer gets."""


@dataclass(frozen=True, kw_only=True)
class LimitRequests:
    """Rates of each API key. A rate that is None is off."""

    limiter: RateLimiter
    creates: Rate | None
    reads: Rate | None

    def count(self, caller: Caller, *, is_read: bool) -> RateStanding | None:
        """Count a request of this caller; the standing says whether it may go on. None where the rate is off."""
        rate = self.reads if is_read else self.creates
        return None if rate is None else self.limiter.hit(rate, caller.actor)


class KnownKeys:
    """Digests of the credentials that were good in this process, the latest of them. Threads share it."""

    def __init__(self) -> None:
        self._digests: OrderedDict[bytes, None] = OrderedDict()
        self._lock = Lock()

    def __contains__(self, authorization: str | None) -> bool:
        with self._lock:
            return _digest(authorization) in self._digests

    def remember(self, authorization: str | None) -> None:
        digest = _digest(authorization)
        with self._lock:
            self._digests[digest] = None
            self._digests.move_to_end(digest)
            if len(self._digests) > KNOWN_KEYS_MAX:
                self._digests.popitem(last=False)

    def forget(self, authorization: str | None) -> None:
        with self._lock:
            self._digests.pop(_digest(authorization), None)


@dataclass(frozen=True, kw_only=True)
class LimitGuesses:
    """Failed authentications of each address. `failures` None: off.

    Others behind the same address must not suffer from them: a key that was good here before is always looked
    up, and so are some new ones. Only what is beyond that is refused without asking the store.
    """

    limiter: RateLimiter
    failures: Rate | None
    known: KnownKeys = field(default_factory=KnownKeys)

    def refusal(self, authorization: str | None, address: str | None) -> RateStanding | None:
        """Not None where this is refused without a look at the key."""
        if self.failures is None or authorization in self.known:
            return None
        stranger = stranger_of(address)
        standing = self.limiter.look(self.failures, stranger)
        if standing.is_allowed:
            return None
        lookups = Rate("lookups", self.failures.per_minute * LOOKUPS_PER_FAILURE)
        return None if self.limiter.hit(lookups, stranger).is_allowed else standing

    def count_failure(self, authorization: str | None, address: str | None) -> RateStanding | None:
        """The standing says whether the caller is still told that the key is wrong, or to wait."""
        if self.failures is None:
            return None
        self.known.forget(authorization)
        return self.limiter.hit(self.failures, stranger_of(address))

    def remember(self, authorization: str | None) -> None:
        """This was a good key."""
        if self.failures is not None:
            self.known.remember(authorization)


def stranger_of(address: str | None) -> str:
    """The group an address is counted in, without the address itself. Whoever has no address is one stranger."""
    try:
        network = _network(address or "")
    except ValueError:
        network = ""
    digest = hashlib.sha256(network.encode("ascii")).digest()
    return f"stranger:{int.from_bytes(digest[:4], 'big') % STRANGER_GROUPS}"


def _network(address: str) -> str:
    """An IPv4 address, also where it is written as IPv6, or the network of an IPv6 address."""
    parsed = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(parsed, ipaddress.IPv6Address):
        if parsed.ipv4_mapped is not None:
            return str(parsed.ipv4_mapped)
        return str(ipaddress.IPv6Network((int(parsed), IPV6_NETWORK_BITS), strict=False))
    return str(parsed)


def _digest(authorization: str | None) -> bytes:
    return hashlib.sha256((authorization or "").encode("utf-8", "surrogateescape")).digest()
