"""Face matches of real pictures, by the real matching core."""

from __future__ import annotations

from pathlib import Path

import cv2
import pytest

from app.services.ports import MatchingCore
from tests.api.conftest import IMAGE_MAX_BYTES, Api
from tests.api.matching import kept, match
from tests.models_fixture import real_core
from tests.portrait import astronaut, close_up, jpeg


def use_core(api: Api, core: MatchingCore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(vars(api.app.extensions["bonafide-api"].match_faces), "core", core)


def test_a_real_portrait_matches_another_picture_of_the_face(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    core = real_core()
    use_core(api, core, monkeypatch)
    png = cv2.imencode(".png", close_up())[1].tobytes()
    answer = match(api, documentImage=jpeg(astronaut()), selfieImage=png)
    truncated = match(api, documentImage=jpeg(astronaut())[:5000], selfieImage=png[:20_000])
    core.close()
    assert (answer.status_code, answer.json["status"]) == (200, "approved")
    assert answer.json["score"] > 60
    assert (truncated.status_code, sorted(truncated.json["fields"])) == (400, ["documentImage", "selfieImage"])
    assert [record["status"] for record in kept(api)] == ["failed", "approved"]


def test_real_people_are_told_apart(api: Api, monkeypatch: pytest.MonkeyPatch, shared_media: Path) -> None:
    people = shared_media / "faces" / "wild" / "deepface"
    core = real_core()
    use_core(api, core, monkeypatch)
    reference = (people / "img20.jpg").read_bytes()
    mated = match(api, documentImage=reference, selfieImage=(people / "img21.jpg").read_bytes())
    impostor = match(api, documentImage=reference, selfieImage=(people / "img17.jpg").read_bytes())
    core.close()
    assert (mated.json["match"], mated.json["status"]) == (True, "approved")
    assert (impostor.json["match"], impostor.json["status"]) == (False, "declined")


def test_strange_files_are_refused_or_read_but_never_our_fault(
    api: Api, monkeypatch: pytest.MonkeyPatch, shared_media: Path
) -> None:
    core = real_core()
    use_core(api, core, monkeypatch)
    files = sorted(path for path in (shared_media / "badinput").rglob("*") if path.is_file())[::12]
    assert files
    for path in files:
        data = path.read_bytes()
        if not 0 < len(data) <= IMAGE_MAX_BYTES:
            continue
        answer = match(api, documentImage=jpeg(astronaut()), selfieImage=data)
        assert answer.status_code in (200, 400), path
        if answer.status_code == 400:
            assert list(answer.json["fields"]) == ["selfieImage"]
    core.close()
