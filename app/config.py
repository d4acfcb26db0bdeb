"""Settings: `BONAFIDE_*` variables, read once into a frozen object that reports every problem together."""

from __future__ import annotations

import base64
import binascii
import difflib
import ipaddress
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

import platformdirs

from app.dev_secrets import DevSecretsUnreadable, make_dev_secrets, read_dev_secrets
from app.limits import PREFIX, Limits, read_limits

Required = Literal["secret_keys", "master_keys", "signing_keys", "public_url", "matching_tokens"]
IpNetwork = ipaddress.IPv4Network | ipaddress.IPv6Network

OVERRIDE_PREFIX = "BONAFIDE_MODEL_OVERRIDE_"
FOR_TESTS = frozenset({"BONAFIDE_TEST_POSTGRES_URL", "BONAFIDE_FIREFOX"})
SERVE_REQUIRES: frozenset[Required] = frozenset({"secret_keys", "master_keys", "signing_keys", "public_url"})
MATCHING_REQUIRES: frozenset[Required] = frozenset({"matching_tokens"})
WORKER_REQUIRES: frozenset[Required] = frozenset({"secret_keys", "master_keys", "public_url"})
DEFAULT_PUBLIC_URL = "http://127.0.0.1:8000"

SECRET_KEY_MIN_CHARACTERS = 32
KEY_BYTES = 32
"""Length of an AES-256 key and of an Ed25519 seed (RFC 8032)."""

_KEY_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
_HEADER_TOKEN = re.compile(r"[A-Za-z0-9._~+/-]+=*")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_REDIS_URL = re.compile(r"rediss?://([^\s/?#@]*@)?(\[[0-9a-f:.]+\]|[0-9A-Za-z._-]+)(:[1-9][0-9]{0,4})?(/[0-9]*)?")


class ConfigurationError(Exception):
    """What is wrong with the settings: all of it, so that it is mended in one go."""

    def __init__(self, problems: Collection[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = tuple(problems)


@dataclass(frozen=True)
class NamedKey:
    """A secret key of 32 bytes and the name under which what it made is found again."""

    key_id: str
    key: bytes = field(repr=False)


@dataclass(frozen=True)
class ModelOverride:
    """Another file in the place of a model of the manifest, and the hash it must have."""

    path: Path
    sha256: str


@dataclass(frozen=True)
class Settings:
    """All settings of one process. Keys are newest first: the first makes, all of them verify."""

    is_dev: bool
    data_dir: Path
    database_url: str = field(repr=False)
    public_url: str
    models_dir: Path
    model_overrides: Mapping[str, ModelOverride]
    recognizer: str
    matching_url: str | None
    matching_tokens: tuple[str, ...] = field(repr=False)
    secret_keys: tuple[str, ...] = field(repr=False)
    master_keys: tuple[NamedKey, ...] = field(repr=False)
    signing_keys: tuple[NamedKey, ...] = field(repr=False)
    trusted_proxies: tuple[IpNetwork, ...]
    rate_limit_store: str | None = field(repr=False)
    runs_worker: bool
    chromium: Path | None
    liveness_profile: str
    log_level: str
    limits: Limits
    warnings: tuple[str, ...]

    @classmethod
    def from_env(
        cls,
        environ: Mapping[str, str],
        *,
        dev: bool = False,
        requires: Collection[Required] = (),
        may_use_dev_secrets: bool = False,
        default_public_url: str = DEFAULT_PUBLIC_URL,
    ) -> Settings:
        """Read the variables; raise `ConfigurationError` with every problem found.

        `requires` names what the calling command cannot do without. In `dev` secrets that are not set come
        from the data folder and are made there the first time; with `may_use_dev_secrets` they are read from
        there where they exist, for a command beside a running development server, and never made.
        """
        read = _Reader(environ)
        data_dir = read.path("BONAFIDE_DATA_DIR", platformdirs.user_data_path("bonafide", appauthor=False))
        if dev or may_use_dev_secrets:
            read.add_secrets(data_dir, make=dev)
        settings = cls(
            is_dev=dev,
            data_dir=data_dir,
            database_url=read.database_url("BONAFIDE_DATABASE_URL", data_dir),
            public_url=read.public_url("BONAFIDE_PUBLIC_URL", default_public_url, is_dev=dev),
            models_dir=read.path(
                "BONAFIDE_MODELS_DIR", platformdirs.user_cache_path("bonafide", appauthor=False) / "models"
            ),
            model_overrides=read.model_overrides(),
            recognizer=read.text("BONAFIDE_RECOGNIZER", "sface"),
            matching_url=read.matching_url("BONAFIDE_MATCHING_URL", is_dev=dev),
            matching_tokens=read.tokens("BONAFIDE_MATCHING_TOKENS"),
            secret_keys=read.secret_keys("BONAFIDE_SECRET_KEYS"),
            master_keys=read.named_keys("BONAFIDE_MASTER_KEYS"),
            signing_keys=read.named_keys("BONAFIDE_SIGNING_KEYS"),
            trusted_proxies=read.networks("BONAFIDE_TRUSTED_PROXIES"),
            rate_limit_store=read.rate_limit_store("BONAFIDE_RATE_LIMIT_STORE"),
            runs_worker=read.choice("BONAFIDE_WORKER", "on", ("on", "off")) == "on",
            chromium=read.path_or_none("BONAFIDE_CHROMIUM"),
            liveness_profile=read.choice("BONAFIDE_LIVENESS_PROFILE", "standard", ("standard", "strict")),
            log_level=read.choice("BONAFIDE_LOG_LEVEL", "info", ("debug", "info", "warning", "error")),
            limits=read_limits(read.integer),
            warnings=read.unknown_variables(),
        )
        if settings.matching_url:
            requires = {*requires, *MATCHING_REQUIRES}
        read.check_required(settings, requires, is_dev=dev)
        if read.problems:
            raise ConfigurationError(read.problems)
        return settings


class _Reader:
    """Reads variables one by one, remembers which it knows and what was wrong, and never stops at one."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self.problems: list[str] = []
        self._environ = {name: value.strip() for name, value in environ.items() if name.startswith(PREFIX)}
        self._given = frozenset(self._environ)
        self._known: set[str] = set(FOR_TESTS)

    def _text(self, name: str) -> str:
        self._known.add(name)
        return self._environ.get(name, "")

    def _items(self, name: str) -> list[str]:
        return [item.strip() for item in self._text(name).split(",") if item.strip()]

    def _problem(self, name: str, what: str) -> None:
        self.problems.append(f"{name}: {what}")

    def add_secrets(self, data_dir: Path, *, make: bool) -> None:
        """Fill in development secrets for those variables that are not set."""
        try:
            secrets = make_dev_secrets(data_dir) if make else read_dev_secrets(data_dir)
        except (OSError, DevSecretsUnreadable) as error:
            self._problem("BONAFIDE_DATA_DIR", f"development secrets cannot be kept there: {error}")
            return
        for name, value in secrets.items():
            if not self._environ.get(name):
                self._environ[name] = value

    def text(self, name: str, default: str) -> str:
        return self._text(name) or default

    def path(self, name: str, default: Path) -> Path:
        return self.path_or_none(name) or default.absolute()

    def path_or_none(self, name: str) -> Path | None:
        text = self._text(name)
        return Path(text).expanduser().absolute() if text else None

    def integer(self, name: str, default: int, low: int, high: int) -> int:
        text = self._text(name)
        if not text:
            return default
        if not re.fullmatch(r"-?[0-9]{1,18}", text) or not low <= int(text) <= high:
            self._problem(name, f"must be a whole number from {low} to {high}, not {text!r}")
            return default
        return int(text)

    def choice(self, name: str, default: str, choices: tuple[str, ...]) -> str:
        text = self._text(name).lower() or default
        if text not in choices:
            self._problem(name, f"must be one of {', '.join(choices)}, not {text!r}")
            return default
        return text

    def database_url(self, name: str, data_dir: Path) -> str:
        """SQLAlchemy's address of the store; PostgreSQL always through psycopg 3. Never quoted: passwords."""
        text = self._text(name)
        if not text:
            return f"sqlite:///{data_dir / 'bonafide.sqlite3'}"
        scheme, separator, rest = text.partition("://")
        if separator and scheme in {"postgres", "postgresql", "postgresql+psycopg"}:
            return f"postgresql+psycopg://{rest}"
        if separator and scheme == "sqlite" and rest.startswith("/") and len(rest) > 1:
            return text
        self._problem(name, "must begin with postgresql:// or sqlite:/// and name a database")
        return ""

    def public_url(self, name: str, default: str, *, is_dev: bool) -> str:
        """Scheme and host of the links that are handed out. Browsers give no camera to plain http elsewhere."""
        text = (self._text(name) or default).rstrip("/")
        why_https = None if is_dev else "browsers give no camera to a plain http page"
        self._check_origin(name, text, "https://verify.example.com", why_https)
        return text

    def rate_limit_store(self, name: str) -> str | None:
        """Redis for rate limits, None for this process. Never quoted: passwords."""
        text = self._text(name)
        if text and not _REDIS_URL.fullmatch(text):
            self._problem(name, "must be an address such as redis://:password@redis.example.com:6379/0")
        return text or None

    def matching_url(self, name: str, *, is_dev: bool) -> str | None:
        """Scheme and host of a remote matching core. Portraits and templates do not travel in clear."""
        text = self._text(name).rstrip("/")
        if text:
            why_https = None if is_dev else "portraits and templates must not travel in clear"
            self._check_origin(name, text, "https://matching.example.com", why_https)
        return text or None

    def _check_origin(self, name: str, text: str, example: str, why_https: str | None) -> None:
        """Nothing but scheme, host and port; `why_https` None where plain http is fine even beyond loopback."""
        try:
            parts = urlsplit(text)
            host, _ = parts.hostname, parts.port
        except ValueError:
            parts, host = urlsplit(""), None
        if "@" in text:
            self._problem(name, f"must be an address such as {example}, without a name and password")
        elif parts.scheme not in {"http", "https"} or not host or set("?#") & set(text):
            self._problem(name, f"must be an address such as {example}, not {text!r}")
        elif parts.path:
            self._problem(name, f"must have no path, but has {parts.path!r}")
        elif parts.scheme == "http" and why_https and host not in {"127.0.0.1", "localhost", "::1"}:
            self._problem(name, f"must begin with https:// ({why_https})")

    def tokens(self, name: str) -> tuple[str, ...]:
        """Secrets that go into an HTTP header."""
        tokens = self.secret_keys(name)
        for position, token in enumerate(tokens, start=1):
            if not _HEADER_TOKEN.fullmatch(token):
                self._problem(name, f"key {position} has characters beyond those of a bearer token (RFC 6750)")
        return tokens

    def secret_keys(self, name: str) -> tuple[str, ...]:
        keys = self._items(name)
        for position, key in enumerate(keys, start=1):
            if len(key) < SECRET_KEY_MIN_CHARACTERS:
                self._problem(name, f"key {position} is shorter than {SECRET_KEY_MIN_CHARACTERS} characters")
        if len(set(keys)) != len(keys):
            self._problem(name, "names a key twice")
        return tuple(keys)

    def named_keys(self, name: str) -> tuple[NamedKey, ...]:
        """`id:base64` pairs. The value is a secret: messages give the position and nothing of it."""
        keys: list[NamedKey] = []
        for position, item in enumerate(self._items(name), start=1):
            key_id, _, encoded = item.partition(":")
            key = _decode_key(encoded)
            if not _KEY_ID.fullmatch(key_id) or key is None:
                self._problem(name, f"key {position} must read id:base64 with {KEY_BYTES} bytes encoded")
            else:
                keys.append(NamedKey(key_id, key))
        if len({key.key_id for key in keys}) != len(keys):
            self._problem(name, "gives one id to two keys")
        return tuple(keys)

    def networks(self, name: str) -> tuple[IpNetwork, ...]:
        networks: list[IpNetwork] = []
        for item in self._items(name):
            try:
                networks.append(ipaddress.ip_network(item))
            except ValueError as error:
                self._problem(name, f"must list addresses or networks such as 10.0.0.0/8: {error}")
        return tuple(networks)

    def model_overrides(self) -> dict[str, ModelOverride]:
        """Variables `BONAFIDE_MODEL_OVERRIDE_<ID>=path:sha256`, by model id in lower case."""
        overrides: dict[str, ModelOverride] = {}
        for name in sorted(self._environ):
            if name.startswith(OVERRIDE_PREFIX) and (text := self._text(name)):
                path, _, sha256 = text.rpartition(":")
                if not path or not _SHA256.fullmatch(sha256.lower()):
                    self._problem(name, "must read path:sha256")
                    continue
                model_id = name.removeprefix(OVERRIDE_PREFIX).lower()
                overrides[model_id] = ModelOverride(Path(path).expanduser().absolute(), sha256.lower())
        return overrides

    def unknown_variables(self) -> tuple[str, ...]:
        """One warning for each variable that nothing reads: most likely a slip of the keyboard."""
        warnings = []
        for name in sorted(self._given - self._known):
            close = difflib.get_close_matches(name, sorted(self._known), n=1)
            hint = f"; did you mean {close[0]}?" if close else ""
            warnings.append(f"{name} is no setting of Bonafide{hint}")
        return tuple(warnings)

    def check_required(self, settings: Settings, requires: Collection[Required], *, is_dev: bool) -> None:
        how = {
            "secret_keys": (
                settings.secret_keys,
                f"a random text of at least {SECRET_KEY_MIN_CHARACTERS} characters",
            ),
            "master_keys": (settings.master_keys, "id:base64 with 32 random bytes"),
            "signing_keys": (settings.signing_keys, "kid:base64 with 32 random bytes"),
            "matching_tokens": (
                settings.matching_tokens,
                f"a random text of at least {SECRET_KEY_MIN_CHARACTERS} characters, the same on both sides",
            ),
            "public_url": (is_dev or self._text("BONAFIDE_PUBLIC_URL"), "such as https://verify.example.com"),
        }
        for required in sorted(requires):
            value, form = how[required]
            name = f"{PREFIX}{required.upper()}"
            if not value and not any(problem.startswith(f"{name}:") for problem in self.problems):
                self._problem(name, f"is required ({form})")


def _decode_key(encoded: str) -> bytes | None:
    """32 bytes from base64, plain or URL-safe, padded or not; None for anything else."""
    text = encoded.strip().rstrip("=").replace("-", "+").replace("_", "/")
    try:
        key = base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except (binascii.Error, ValueError):
        return None
    return key if len(key) == KEY_BYTES else None
