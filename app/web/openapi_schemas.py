"""JSON schemas of pydantic models, as OpenAPI 3.1 has them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaMode, models_json_schema
from pydantic_core import core_schema

REF_TEMPLATE = "#/components/schemas/{model}"

Json = dict[str, Any]

_BINARY = ("format", "binary")
_NULL = {"type": "null"}


class _Untitled(GenerateJsonSchema):
    """Without a title for each field, which would only be its name once more."""

    def field_title_should_be_set(self, schema: Any) -> bool:  # noqa: ANN401 (as pydantic has it)
        return False

    def model_schema(self, schema: core_schema.ModelSchema) -> Json:
        described = super().model_schema(schema)
        described.pop("title", None)
        return described


@dataclass
class Schemas:
    """Collects models, then has their schemas. A model has one schema, whoever refers to it."""

    _modes: dict[type[BaseModel], JsonSchemaMode] = field(default_factory=dict)
    _texts: set[type[BaseModel]] = field(default_factory=set)
    _inline: set[type[BaseModel]] = field(default_factory=set)
    _built: dict[str, Json] = field(default_factory=dict)

    def add(
        self, model: type[BaseModel], mode: JsonSchemaMode, *, is_text: bool = False, is_inline: bool = False
    ) -> None:
        """`is_text`: its fields are sent as text, where there is no null. `is_inline`: nothing refers to it."""
        self._modes.setdefault(model, mode)
        if is_text:
            self._texts.add(model)
        if is_inline:
            self._inline.add(model)

    def build(self) -> None:
        """ValueError where two models have one name."""
        inputs = list(self._modes.items())
        _, document = models_json_schema(inputs, ref_template=REF_TEMPLATE, schema_generator=_Untitled)
        self._built = {name: _without_binary(schema) for name, schema in document["$defs"].items()}
        lost = {model.__name__ for model in self._modes} - self._built.keys()
        if lost:
            raise ValueError(f"two models share a name: {', '.join(sorted(lost))}")
        for model in self._texts:
            schema = self._built[model.__name__]
            schema["properties"] = {name: without_null(kind) for name, kind in schema["properties"].items()}

    def shared(self) -> dict[str, Json]:
        """What is referred to, by name."""
        inline = {model.__name__ for model in self._inline}
        return {name: schema for name, schema in self._built.items() if name not in inline}

    def inline(self, model: type[BaseModel]) -> Json:
        """The model's own schema."""
        return self._built[model.__name__]

    def reference(self, model: type[BaseModel]) -> Json:
        """To the model's schema."""
        return {"$ref": REF_TEMPLATE.format(model=model.__name__)}


def without_null(schema: Mapping[str, Any]) -> Json:
    """The schema of what may only be left out, not null."""
    kept = {name: part for name, part in schema.items() if (name, part) != ("default", None)}
    kinds = [kind for kind in kept.pop("anyOf", []) if kind != _NULL]
    if len(kinds) == 1:
        return {**kept, **kinds[0]}
    return {**kept, "anyOf": kinds} if kinds else kept


def _without_binary(schema: Any) -> Any:  # noqa: ANN401 (any part of a JSON document)
    """Drop `format: binary`, which 3.1 does not have, where a media type says the same."""
    if isinstance(schema, dict):
        return {name: _without_binary(part) for name, part in schema.items() if (name, part) != _BINARY}
    return [_without_binary(item) for item in schema] if isinstance(schema, list) else schema
