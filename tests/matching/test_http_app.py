"""What the matching service answers."""

from __future__ import annotations

import base64
import io
import threading

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from app.domain.comparison import FaceTemplate, Template, TemplateFormat
from app.matching.wire import MAX_GALLERY, MAX_REFERENCES, CompareAnswer, SearchAnswer, TemplateAnswer
from tests.fakes import FakeMatchingCore, face_of
from tests.matching.asker import BROKEN, FACELESS, Asker, Json, asker, core, refused, score, template, text
from tests.matching.served import make_app

__all__ = ["asker", "core"]


class TestTemplates:
    @pytest.mark.parametrize("form", ["{}", "data:image/jpeg;base64,{}", "data:image/png;base64,\r\n {}\n"])
    def test_come_from_base64(self, asker: Asker, form: str) -> None:
        response = asker.post("/v1/templates", {"image": form.format(text(b"picture"))})
        assert response.status_code == 200
        assert response.json == {
            "face": {
                "box": {"x": 10.0, "y": 10.0, "width": 200.0, "height": 260.0},
                "interocularPx": 100.0,
                "sharpness": 100.0,
                "secondFaceRatio": 0.0,
                "faces": 1,
            },
            "template": template(b"picture"),
            "warnings": [],
        }
        assert response.headers["Cache-Control"] == "no-store"
        TemplateAnswer.model_validate(response.json)

    def test_come_from_a_file_of_a_form(self, asker: Asker) -> None:
        response = asker.post("/v1/templates", data={"image": (io.BytesIO(b"picture"), "p.jpg")})
        assert response.json == asker.post("/v1/templates", {"image": text(b"picture")}).json

    def test_are_null_where_there_is_no_face(self, asker: Asker) -> None:
        response = asker.post("/v1/templates", {"image": text(FACELESS)})
        assert response.json == {"face": None, "template": None, "warnings": ["NO_FACE_DETECTED"]}

    def test_of_several_faces_come_with_a_warning(self, asker: Asker) -> None:
        answer = asker.post("/v1/templates", {"image": text(b"two")}).json
        assert answer is not None
        assert (answer["face"]["faces"], answer["warnings"]) == (2, ["MULTIPLE_FACES_DETECTED"])

    @pytest.mark.parametrize("image", ["!", "ä", "AAA", "data:text/html;base64,AAAA", "AAAA\x01"])
    def test_are_refused_for_what_is_no_base64(self, asker: Asker, image: str) -> None:
        assert refused(asker.post("/v1/templates", {"image": image})) == {"image": "is no base64"}

    def test_are_refused_for_what_is_no_picture(self, asker: Asker) -> None:
        assert refused(asker.post("/v1/templates", {"image": text(BROKEN)})) == {"image": "The image is broken."}

    def test_are_refused_for_two_pictures(self, asker: Asker) -> None:
        files = [(io.BytesIO(b"one"), "1"), (io.BytesIO(b"two"), "2")]
        assert refused(asker.post("/v1/templates", data={"image": files})) == {"image": "must be there once"}

    def test_are_refused_for_text_in_the_place_of_a_file(self, asker: Asker) -> None:
        form = {"image": "text", "other": (io.BytesIO(b"one"), "1")}
        assert "image" in refused(asker.post("/v1/templates", data=form))


class TestCompare:
    def test_takes_pictures_and_templates_and_keeps_their_order(self, asker: Asker) -> None:
        references = [
            {"template": template(b"a")},
            {"image": text(b"b")},
            {"image": text(FACELESS)},
            {"template": template(b"probe")},
        ]
        response = asker.post("/v1/compare", {"probe": {"image": text(b"probe")}, "references": references})
        answer = response.json
        assert answer is not None
        assert answer["scores"] == [score(b"probe", b"a"), score(b"probe", b"b"), None, score(b"probe", b"probe")]
        assert answer["probe"]["face"]["faces"] == 1
        assert (answer["calibration"], answer["warnings"]) == ("fake-1", ["NO_REFERENCE_IMAGE"])
        CompareAnswer.model_validate(answer)

    def test_takes_a_form(self, asker: Asker) -> None:
        files = [(io.BytesIO(image), "x.jpg") for image in (b"a", b"two", FACELESS)]
        form = {"probe": (io.BytesIO(b"probe"), "p.jpg"), "reference": files}
        answer = asker.post("/v1/compare", data=form).json
        assert answer is not None
        assert answer["scores"] == [score(b"probe", b"a"), score(b"probe", b"two"), None]
        assert answer["warnings"] == ["NO_REFERENCE_IMAGE", "MULTIPLE_FACES_DETECTED"]

    def test_scores_nothing_where_the_probe_shows_no_face(self, asker: Asker) -> None:
        references = [{"template": template(b"a")}, {"image": text(b"b")}]
        answer = asker.post("/v1/compare", {"probe": {"image": text(FACELESS)}, "references": references}).json
        assert answer == {
            "probe": {"face": None},
            "scores": [None, None],
            "calibration": "fake-1",
            "warnings": ["NO_FACE_DETECTED"],
        }

    def test_describes_the_pictures_of_a_request_at_the_same_time(self) -> None:
        together = threading.Barrier(3)

        class Meeting(FakeMatchingCore):
            def create_template(self, image: bytes) -> FaceTemplate | None:
                together.wait(20)
                return super().create_template(image)

        images = [{"image": text(image)} for image in (b"a", b"b", b"c")]
        body = {"probe": images[0], "references": images[1:]}
        assert Asker(make_app(Meeting())).post("/v1/compare", body).status_code == 200

    def test_names_the_picture_that_cannot_be_read(self, asker: Asker) -> None:
        body = {"probe": {"image": text(b"p")}, "references": [{"image": text(b"a")}, {"image": text(BROKEN)}]}
        assert refused(asker.post("/v1/compare", body)) == {"references.1.image": "The image is broken."}
        form = {
            "probe": (io.BytesIO(b"p"), "p"),
            "reference": [(io.BytesIO(b"a"), "a"), (io.BytesIO(BROKEN), "b")],
        }
        assert refused(asker.post("/v1/compare", data=form)) == {"reference.1": "The image is broken."}

    def test_takes_ten_pictures_and_no_more(self, asker: Asker) -> None:
        picture = {"image": text(b"a")}
        assert asker.post("/v1/compare", {"probe": picture, "references": [picture] * 9}).status_code == 200
        assert "references" in refused(asker.post("/v1/compare", {"probe": picture, "references": [picture] * 10}))
        files = [(io.BytesIO(b"a"), "a") for _ in range(10)]
        form = {"probe": (io.BytesIO(b"p"), "p"), "reference": files}
        assert "reference" in refused(asker.post("/v1/compare", data=form))

    def test_takes_a_thousand_references_and_no_more(self, asker: Asker) -> None:
        one = {"template": template(b"a")}
        response = asker.post("/v1/compare", {"probe": one, "references": [one] * MAX_REFERENCES})
        assert response.status_code == 200
        assert response.json is not None
        assert len(response.json["scores"]) == MAX_REFERENCES
        many = asker.post("/v1/compare", {"probe": one, "references": [one] * (MAX_REFERENCES + 1)})
        assert "references" in refused(many)


def vector(values: NDArray[np.float32]) -> str:
    return text(np.asarray(values, dtype="<f4").tobytes())


UNIT = np.eye(128, dtype=np.float32)[0]
WRONG_TEMPLATES: dict[str, Json] = {
    "no base64": {"vector": "!!!!"},
    "white space": {"vector": f" {vector(UNIT)}"},
    "URL-safe base64": {"vector": "-_-_" * 128},
    "half a number": {"vector": text(bytes(511))},
    "nothing": {"vector": ""},
    "too short": {"vector": vector(UNIT[:15])},
    "too long": {"vector": vector(np.eye(5000, dtype=np.float32)[0])},
    "zeros": {"vector": vector(UNIT * 0)},
    "not normalized": {"vector": vector(UNIT * 1.01)},
    "not a number": {"vector": vector(UNIT * np.nan)},
    "infinite": {"vector": vector(UNIT * 3e38)},
    "signalling": {"vector": text(b"\x01\x00\xa0\x7f" * 128)},
    "another length": {"vector": vector(UNIT[:64])},
    "another model": {"modelId": "other"},
    "another version": {"modelVersion": "2"},
    "no model": {"modelId": None},
    "a number": {"vector": 7},
    "a list": {"vector": [1.0] + [0.0] * 127},
    "a long name": {"modelId": "x" * 129},
    "an empty name": {"modelVersion": ""},
}


@pytest.mark.parametrize("kind", WRONG_TEMPLATES)
def test_a_template_that_cannot_be_one_is_named(asker: Asker, kind: str) -> None:
    wrong = {"template": {**template(b"a"), **WRONG_TEMPLATES[kind]}}
    good = {"template": template(b"b")}
    fields = refused(asker.post("/v1/compare", {"probe": good, "references": [good, wrong]}))
    assert list(fields) == [key for key in fields if key.startswith("references.1.template")]
    assert fields
    gallery = [{"key": "good", **good}, {"key": "wrong", **wrong}]
    fields = refused(asker.post("/v1/search", {"probe": good, "gallery": gallery, "limit": 3}))
    assert fields
    assert all(key.startswith("gallery.1.template") for key in fields)
    alone = refused(asker.post("/v1/compare", {"probe": wrong, "references": [good]}))
    assert alone


def test_a_template_of_another_length_than_the_cores_own_is_refused(asker: Asker) -> None:
    short = {"template": {**template(b"a"), "vector": vector(UNIT[:64])}}
    body = {"probe": {"image": text(b"p")}, "references": [short]}
    assert refused(asker.post("/v1/compare", body)) == {"references.0.template": "must hold 128 numbers"}
    search = {"probe": {"image": text(b"p")}, "gallery": [{"key": "a", **short}], "limit": 1}
    assert refused(asker.post("/v1/search", search)) == {"gallery.0.template": "must hold 128 numbers"}


class TestSearch:
    def test_names_the_best_first(self, asker: Asker) -> None:
        gallery = [{"key": key, "template": template(key.encode())} for key in ("a", "b", "c")]
        probe = {"template": template(b"b")}
        answer = asker.post("/v1/search", {"probe": probe, "gallery": gallery, "limit": 2}).json
        assert answer is not None
        assert answer["candidates"][0] == {"key": "b", **score(b"b", b"b")}
        assert len(answer["candidates"]) == 2
        SearchAnswer.model_validate(answer)
        as_picture = asker.post(
            "/v1/search", {"probe": {"image": text(b"b")}, "gallery": gallery, "limit": 2}
        ).json
        assert as_picture == answer

    def test_finds_nothing_for_a_probe_without_a_face_or_in_an_empty_gallery(self, asker: Asker) -> None:
        gallery = [{"key": "a", "template": template(b"a")}]
        faceless = asker.post("/v1/search", {"probe": {"image": text(FACELESS)}, "gallery": gallery, "limit": 1})
        assert faceless.json == {"candidates": [], "warnings": ["NO_FACE_DETECTED"]}
        empty = asker.post("/v1/search", {"probe": {"template": template(b"a")}, "gallery": [], "limit": 1})
        assert empty.json == {"candidates": [], "warnings": []}

    @pytest.mark.parametrize("limit", [0, -1, 101, 1.5, "5", None, True, 2**70])
    def test_has_a_limit(self, asker: Asker, limit: object) -> None:
        body = {"probe": {"template": template(b"a")}, "gallery": [], "limit": limit}
        assert refused(asker.post("/v1/search", body)).keys() <= {"limit", "body"}

    def test_takes_each_key_once(self, asker: Asker) -> None:
        item = {"key": "a", "template": template(b"a")}
        body = {"probe": {"template": template(b"a")}, "gallery": [item, item], "limit": 1}
        assert refused(asker.post("/v1/search", body)) == {"gallery": "has one key twice"}

    def test_takes_no_more_than_so_many_templates(self, asker: Asker) -> None:
        item = {"key": "a", "template": {"modelId": "m", "modelVersion": "1", "vector": ""}}
        body = {"probe": {"template": template(b"a")}, "gallery": [item] * (MAX_GALLERY + 1), "limit": 1}
        assert "gallery" in refused(asker.post("/v1/search", body))


def test_a_template_keeps_every_bit_on_its_way(asker: Asker, core: FakeMatchingCore) -> None:
    values = np.random.default_rng(7).normal(size=(20, 512)).astype(np.float32)
    for row in values:
        normal = (row / np.linalg.norm(row)).astype(np.float32)
        core.faces[b"it"] = FaceTemplate(
            Template(TemplateFormat("fake-model", "1"), normal), face_of(b"it").box, 1 / 3, 0.1 + 0.2, 2 / 7
        )
        answer = TemplateAnswer.model_validate_json(asker.post("/v1/templates", {"image": text(b"it")}).data)
        assert answer.face is not None
        assert answer.template is not None
        assert base64.b64decode(answer.template.vector) == normal.astype("<f4").tobytes()
        assert (answer.face.interocular_px, answer.face.sharpness) == (1 / 3, 0.1 + 0.2)


@given(st.floats(0, 1e300, allow_subnormal=True))
def test_numbers_keep_every_bit_on_their_way(number: float) -> None:
    body = (
        '{"box":{"x":%r,"y":0,"width":1,"height":1},"interocularPx":0,"sharpness":0,"secondFaceRatio":0,"faces":1}'
    )
    answer = TemplateAnswer.model_validate_json('{"face":' + body % number + ',"template":null,"warnings":[]}')
    assert answer.face is not None
    assert answer.face.box.x == number
