from __future__ import annotations

import base64
import json
import stat
from pathlib import Path

import pytest

from app.config import MATCHING_REQUIRES, SERVE_REQUIRES, ConfigurationError, Settings

SECRET = "correct-horse-battery-staple-and-more"
KEY = base64.b64encode(bytes(range(32))).decode()
OTHER_KEY = base64.b64encode(bytes(range(32, 64))).decode()
PRODUCTION = {
    "BONAFIDE_SECRET_KEYS": SECRET,
    "BONAFIDE_MASTER_KEYS": f"2026-11:{KEY}",
    "BONAFIDE_SIGNING_KEYS": f"k1:{OTHER_KEY}",
    "BONAFIDE_PUBLIC_URL": "https://verify.example.com",
}


def problems_of(environ: dict[str, str], **options: object) -> tuple[str, ...]:
    with pytest.raises(ConfigurationError) as caught:
        Settings.from_env(environ, **options)  # type: ignore[arg-type]
    return caught.value.problems


def test_production_settings_are_read() -> None:
    settings = Settings.from_env(PRODUCTION, requires=SERVE_REQUIRES)
    assert settings.secret_keys == (SECRET,)
    assert [(key.key_id, key.key) for key in settings.master_keys] == [("2026-11", bytes(range(32)))]
    assert settings.public_url == "https://verify.example.com"
    assert not settings.is_dev
    assert settings.warnings == ()


def test_nothing_is_required_of_a_command_that_requires_nothing() -> None:
    settings = Settings.from_env({})
    assert settings.secret_keys == ()
    assert settings.limits.frames_per_second_max == 20
    assert settings.limits.frame_max_bytes == 262_144


def test_serving_requires_secrets_and_names_all_that_are_missing() -> None:
    problems = problems_of({}, requires=SERVE_REQUIRES)
    assert [problem.partition(":")[0] for problem in problems] == [
        "BONAFIDE_MASTER_KEYS",
        "BONAFIDE_PUBLIC_URL",
        "BONAFIDE_SECRET_KEYS",
        "BONAFIDE_SIGNING_KEYS",
    ]


def test_every_problem_is_reported_at_once() -> None:
    problems = problems_of(
        {
            "BONAFIDE_SECRET_KEYS": "short",
            "BONAFIDE_MASTER_KEYS": "no-colon",
            "BONAFIDE_FRAMES_PER_SECOND_MAX": "many",
            "BONAFIDE_DATABASE_URL": "mysql://host/db",
            "BONAFIDE_TRUSTED_PROXIES": "10.0.0.0/8, elsewhere",
            "BONAFIDE_LIVENESS_PROFILE": "lenient",
        },
        requires=SERVE_REQUIRES,
    )
    assert len(problems) == len({problem.partition(":")[0] for problem in problems})
    assert {problem.partition(":")[0].removeprefix("BONAFIDE_") for problem in problems} == {
        "SECRET_KEYS",
        "MASTER_KEYS",
        "SIGNING_KEYS",
        "PUBLIC_URL",
        "FRAMES_PER_SECOND_MAX",
        "DATABASE_URL",
        "TRUSTED_PROXIES",
        "LIVENESS_PROFILE",
    }


@pytest.mark.parametrize("value", ["0", "61", "-1", "3.5", "٣", "1e1", "9" * 40])
def test_a_limit_out_of_its_bounds_is_refused(value: str) -> None:
    assert problems_of({"BONAFIDE_FRAMES_PER_SECOND_MAX": value})[0].startswith("BONAFIDE_FRAMES_PER_SECOND_MAX:")


def test_neither_settings_nor_problems_show_a_secret() -> None:
    environ = PRODUCTION | {"BONAFIDE_DATABASE_URL": "postgresql://bonafide:hunter2@db/bonafide"}
    shown = repr(Settings.from_env(environ))
    for secret in (SECRET, KEY, OTHER_KEY, "hunter2", str(bytes(range(32)))):
        assert secret not in shown
    broken = PRODUCTION | {
        "BONAFIDE_SECRET_KEYS": "hunter2",
        "BONAFIDE_MASTER_KEYS": f"id:{KEY}x",
        "BONAFIDE_DATABASE_URL": "mysql://bonafide:hunter2@db/bonafide",
    }
    shown = " ".join(problems_of(broken))
    assert "hunter2" not in shown
    assert KEY not in shown


@pytest.mark.parametrize("given", ["postgres", "postgresql", "postgresql+psycopg"])
def test_postgresql_is_always_spoken_to_through_psycopg_3(given: str) -> None:
    settings = Settings.from_env({"BONAFIDE_DATABASE_URL": f"{given}://db/bonafide"})
    assert settings.database_url == "postgresql+psycopg://db/bonafide"


def test_the_store_lies_in_the_data_folder_and_the_models_do_not(tmp_path: Path) -> None:
    settings = Settings.from_env({"BONAFIDE_DATA_DIR": str(tmp_path)})
    assert settings.database_url == f"sqlite:///{tmp_path}/bonafide.sqlite3"
    assert not settings.models_dir.is_relative_to(tmp_path)


def test_keys_rotate_newest_first() -> None:
    environ = PRODUCTION | {"BONAFIDE_MASTER_KEYS": f"new:{OTHER_KEY}, old:{KEY}"}
    assert [key.key_id for key in Settings.from_env(environ).master_keys] == ["new", "old"]


@pytest.mark.parametrize(
    "keys",
    [
        f"same:{KEY},same:{OTHER_KEY}",
        f":{KEY}",
        f"with space:{KEY}",
        "id:",
        "id:c2hvcnQ=",
        "id:!!!!",
    ],
)
def test_a_malformed_key_is_refused(keys: str) -> None:
    assert problems_of({"BONAFIDE_MASTER_KEYS": keys})[0].startswith("BONAFIDE_MASTER_KEYS:")


def test_url_safe_base64_without_padding_is_read() -> None:
    key = base64.urlsafe_b64encode(b"\xff" * 32).decode().rstrip("=")
    assert Settings.from_env({"BONAFIDE_MASTER_KEYS": f"id:{key}"}).master_keys[0].key == b"\xff" * 32


@pytest.mark.parametrize(
    "url",
    [
        "verify.example.com",
        "ftp://verify.example.com",
        "https://",
        "https://user:pass@verify.example.com",
        "https://verify.example.com/path",
        "https://verify.example.com?query",
        "https://verify.example.com:port",
        "http://verify.example.com",
    ],
)
def test_a_public_url_that_browsers_could_not_use_is_refused(url: str) -> None:
    assert problems_of({"BONAFIDE_PUBLIC_URL": url})[0].startswith("BONAFIDE_PUBLIC_URL:")


TOKEN = "a-token-of-the-matching-service-0001"


def remote(url: str, **options: object) -> Settings:
    environ = {"BONAFIDE_MATCHING_URL": url, "BONAFIDE_MATCHING_TOKENS": TOKEN}
    return Settings.from_env(environ, **options)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "url",
    ["https://matching.example.com", "https://10.0.0.7:8443", "http://127.0.0.1:8100", "http://[::1]:8100"],
)
def test_a_remote_matching_core_is_named_by_its_address(url: str) -> None:
    assert remote(f"{url}/").matching_url == url
    assert Settings.from_env({}).matching_url is None


@pytest.mark.parametrize(
    "url",
    [
        "matching.example.com",
        "ftp://matching.example.com",
        "https://",
        "https://me:hunter2@matching.example.com",
        "https://matching.example.com/v1",
        "https://matching.example.com?query",
        "https://matching.example.com#part",
        "https://matching.example.com:port",
        "http://matching.example.com",
        "http://10.0.0.7:8100",
        "http://127.0.0.1.example.com",
    ],
)
def test_portraits_are_sent_to_no_address_that_is_none_or_in_clear(url: str) -> None:
    environ = {"BONAFIDE_MATCHING_URL": url, "BONAFIDE_MATCHING_TOKENS": TOKEN}
    (problem,) = problems_of(environ)
    assert problem.startswith("BONAFIDE_MATCHING_URL:")
    assert "hunter2" not in problem


def test_in_development_a_remote_core_may_be_anywhere(tmp_path: Path) -> None:
    environ = {
        "BONAFIDE_MATCHING_URL": "http://10.0.0.7:8100",
        "BONAFIDE_MATCHING_TOKENS": TOKEN,
        "BONAFIDE_DATA_DIR": str(tmp_path),
    }
    assert Settings.from_env(environ, dev=True).matching_url == "http://10.0.0.7:8100"


def test_a_remote_core_is_not_asked_without_a_token() -> None:
    (problem,) = problems_of({"BONAFIDE_MATCHING_URL": "https://matching.example.com"})
    assert problem.startswith("BONAFIDE_MATCHING_TOKENS: is required")
    assert problems_of({}, requires=MATCHING_REQUIRES) == (problem,)


@pytest.mark.parametrize(
    "tokens", ["hunter2", f"{TOKEN},{TOKEN}", f"{TOKEN} {TOKEN}", f"{TOKEN}ü", f"{TOKEN}\x00"]
)
def test_a_token_that_is_none_is_refused_and_not_shown(tokens: str) -> None:
    problems = problems_of({"BONAFIDE_MATCHING_TOKENS": tokens})
    assert problems[0].startswith("BONAFIDE_MATCHING_TOKENS:")
    assert not any(part in " ".join(problems) for part in ("hunter2", TOKEN))


@pytest.mark.parametrize(
    "url",
    [
        "redis://127.0.0.1",
        "redis://:hunter2@redis.example.com:6380/3",
        "rediss://me:hunter2@redis.example.com",
        "redis://[::1]:6379/0",
    ],
)
def test_rates_are_counted_in_redis_where_one_is_named_and_its_password_is_not_shown(url: str) -> None:
    settings = Settings.from_env({"BONAFIDE_RATE_LIMIT_STORE": url})
    assert settings.rate_limit_store == url
    assert "hunter2" not in repr(settings)
    assert Settings.from_env({}).rate_limit_store is None


@pytest.mark.parametrize(
    "url",
    [
        "redis.example.com",
        "http://:hunter2@redis.example.com",
        "memory://",
        "redis://",
        "redis://:hunter2@",
        "redis://:hunter2@redis.example.com:port",
        "redis://:hunter2@redis.example.com:0",
        "redis://:hunter2@redis.example.com/name",
        "redis://:hunter2@redis.example.com?db=1",
        "redis://:hunter2@redis.example.com/0#1",
        "redis://:hunter2@[::1",
    ],
)
def test_an_address_that_is_no_redis_is_refused_and_not_shown(url: str) -> None:
    (problem,) = problems_of({"BONAFIDE_RATE_LIMIT_STORE": url})
    assert problem.startswith("BONAFIDE_RATE_LIMIT_STORE:")
    assert "hunter2" not in problem


def test_tokens_rotate_newest_first_and_are_not_shown() -> None:
    settings = Settings.from_env({"BONAFIDE_MATCHING_TOKENS": f"{TOKEN}-new, {TOKEN}"})
    assert settings.matching_tokens == (f"{TOKEN}-new", TOKEN)
    assert TOKEN not in repr(settings)


def test_a_slip_of_the_keyboard_is_warned_about() -> None:
    settings = Settings.from_env({"BONAFIDE_PUBLIC_ULR": "https://verify.example.com", "HOME": "/home/me"})
    assert settings.warnings == (
        "BONAFIDE_PUBLIC_ULR is no setting of Bonafide; did you mean BONAFIDE_PUBLIC_URL?",
    )


def test_a_model_override_names_path_and_hash(tmp_path: Path) -> None:
    path, sha256 = tmp_path / "other:name.onnx", "ab" * 32
    settings = Settings.from_env({"BONAFIDE_MODEL_OVERRIDE_MINIFASNET_V2": f"{path}:{sha256}"})
    override = settings.model_overrides["minifasnet_v2"]
    assert (override.path, override.sha256) == (path, sha256)
    assert settings.warnings == ()
    assert problems_of({"BONAFIDE_MODEL_OVERRIDE_SFACE": str(path)}) == (
        "BONAFIDE_MODEL_OVERRIDE_SFACE: must read path:sha256",
    )


class TestDevelopmentSecrets:
    def test_are_made_once_and_only_their_owner_may_read_them(self, tmp_path: Path) -> None:
        environ = {"BONAFIDE_DATA_DIR": str(tmp_path / "data")}
        first = Settings.from_env(environ, dev=True, requires=SERVE_REQUIRES)
        second = Settings.from_env(environ, dev=True, requires=SERVE_REQUIRES)
        assert first == second
        assert first.secret_keys
        assert first.master_keys
        assert first.signing_keys
        assert stat.S_IMODE((tmp_path / "data" / "dev-secrets.json").stat().st_mode) == 0o600
        assert [path.name for path in (tmp_path / "data").iterdir()] == ["dev-secrets.json"]

    def test_yield_to_variables_that_are_set(self, tmp_path: Path) -> None:
        environ = {"BONAFIDE_DATA_DIR": str(tmp_path), "BONAFIDE_SECRET_KEYS": SECRET}
        settings = Settings.from_env(environ, dev=True, requires=SERVE_REQUIRES)
        assert settings.secret_keys == (SECRET,)
        assert settings.master_keys

    def test_never_serve_outside_development(self, tmp_path: Path) -> None:
        environ = {"BONAFIDE_DATA_DIR": str(tmp_path)}
        Settings.from_env(environ, dev=True)
        assert len(problems_of(environ, requires=SERVE_REQUIRES)) == 4

    def test_are_read_but_not_made_by_a_command_beside_the_server(self, tmp_path: Path) -> None:
        environ = {"BONAFIDE_DATA_DIR": str(tmp_path)}
        problems = problems_of(environ, requires={"master_keys"}, may_use_dev_secrets=True)
        assert problems[0].startswith("BONAFIDE_MASTER_KEYS: is required")
        assert list(tmp_path.iterdir()) == []
        made = Settings.from_env(environ, dev=True)
        read = Settings.from_env(environ, requires={"master_keys"}, may_use_dev_secrets=True)
        assert read.master_keys == made.master_keys

    @pytest.mark.parametrize("content", ["", "[]", json.dumps({"BONAFIDE_SECRET_KEYS": 1})])
    def test_that_are_damaged_are_reported_and_left_alone(self, tmp_path: Path, content: str) -> None:
        path = tmp_path / "dev-secrets.json"
        path.write_text(content)
        problems = problems_of({"BONAFIDE_DATA_DIR": str(tmp_path)}, dev=True)
        assert problems[0].startswith("BONAFIDE_DATA_DIR:")
        assert path.read_text() == content
