"""Bodies and queries of a request, read and validated by the models that declare them."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from flask import current_app, g, request
from pydantic import AfterValidator, BaseModel, ConfigDict, ValidationError
from pydantic.alias_generators import to_camel
from werkzeug.exceptions import HTTPException, RequestEntityTooLarge

from app.domain.errors import InvalidRequest
from app.web.json_body import MAX_VALUES, check_text, parse_json

MAX_PROBLEMS = 20
"""How many wrong fields an answer names."""

M = TypeVar("M", bound=BaseModel)


class Body(BaseModel):
    """Names in camelCase, no silent conversions, unknown fields ignored."""

    model_config = ConfigDict(
        extra="ignore",
        strict=True,
        alias_generator=to_camel,
        allow_inf_nan=False,
        hide_input_in_errors=True,
        use_attribute_docstrings=True,
    )


def no_problem(problem_of: Callable[[str], str | None]) -> AfterValidator:
    """Of a text in which the domain finds no problem; what it finds is what the caller is told."""

    def check(text: str) -> str:
        problem = problem_of(text)
        if problem:
            raise ValueError(problem)
        return text

    return AfterValidator(check)


def is_form() -> bool:
    """Whether this request is sent as a multipart form."""
    return request.mimetype == "multipart/form-data"


def read_json(model: type[M], max_values: int = MAX_VALUES, *, may_be_absent: bool = False) -> M:
    """The body of this request, or `InvalidRequest` naming every wrong field.

    One that `may_be_absent` counts as an object without fields where it is.
    """
    body = _whole_body()
    if may_be_absent and not body and not is_form():  # a form that was taken apart leaves no body behind
        return validate(model, {})
    if request.mimetype and not (request.mimetype == "application/json" or request.mimetype.endswith("+json")):
        raise InvalidRequest("Send the body as application/json.", {"Content-Type": "must be application/json"})
    return validate(model, parse_json(body, max_values))


def read_query(model: type[M]) -> M:
    """The query of this request."""
    return validate(model, _texts(request.args.to_dict(), "query"))


def read_form(model: type[M]) -> M:
    """The text fields of a multipart form; an empty one counts as not sent."""
    _require_form()
    known = {field.alias or name for name, field in model.model_fields.items()}
    wrong = {name: "must be text, not a file" for name in known if name in request.files}
    wrong |= {name: "is sent more than once" for name in known if len(request.form.getlist(name)) > 1}
    if wrong:
        raise InvalidRequest("The form cannot be accepted.", wrong)
    return validate(model, {name: text for name, text in _texts(request.form.to_dict(), "body").items() if text})


def read_files() -> dict[str, list[bytes]]:
    """The files of a multipart form by the name of their part, in the order they were sent."""
    _require_form()
    return {name: [file.read() for file in files] for name, files in request.files.lists()}


def load_body() -> bytes:
    """The body as it was sent, and it can be read again; nothing of a form, which is taken apart at once."""
    if is_form():
        _require_form()
        return b""
    return _whole_body()


def validate(model: type[M], value: object) -> M:
    """The value as the model has it, or `InvalidRequest` naming every wrong field."""
    try:
        return model.model_validate(value)
    except ValidationError as error:
        problems = error.errors(include_url=False, include_context=False, include_input=False)
        fields = {
            ".".join(str(part) for part in problem["loc"]) or "body": _plain(problem["msg"])
            for problem in problems[:MAX_PROBLEMS]
        }
        raise InvalidRequest("The request has wrong or missing fields.", fields) from error


def _require_form() -> None:
    if not is_form():
        raise InvalidRequest(
            "Send the body as multipart/form-data.", {"Content-Type": "must be multipart/form-data"}
        )
    # From the stream the form's parser stops at the limit, and at a broken end, and says nothing.
    _whole_body()
    try:
        is_named = None not in request.form and None not in request.files
    except RequestEntityTooLarge as error:  # of the parts' number: the length was judged before
        raise InvalidRequest("The form cannot be read.", {"body": "has too many parts"}) from error
    except ValueError as error:
        raise InvalidRequest("The form cannot be read.", {"body": "is not a whole form"}) from error
    if not is_named:
        raise InvalidRequest("The form cannot be read.", {"body": "has a part without a name"})


def _whole_body() -> bytes:
    """All of the body, and it can be read again; what was wrong with it is told again as well."""
    refusal: InvalidRequest | HTTPException | None = g.get("body_refusal")
    if refusal is not None:
        raise refusal
    try:
        return _read_body()
    except (InvalidRequest, HTTPException) as error:
        g.body_refusal = error
        raise


def _read_body() -> bytes:
    """Where it came without a length the reader stops at the limit and says nothing."""
    try:
        body = request.get_data(cache=True)
    except RequestEntityTooLarge:
        raise
    except Exception as error:
        # Whatever the framework's or the server's own reader raises: broken chunks, or a caller who hung up.
        raise _broken_off() from error
    if request.content_length is None and len(body) >= current_app.config["MAX_CONTENT_LENGTH"]:
        raise RequestEntityTooLarge
    if len(body) < (request.content_length or 0):
        raise _broken_off()
    return body


def _broken_off() -> InvalidRequest:
    return InvalidRequest("The body cannot be read.", {"body": "is broken off"})


def _texts(values: dict[str, str], place: str) -> dict[str, str]:
    """As they are; `InvalidRequest` names the field, or the place for a name that is none."""
    for name, text in values.items():
        check_text(name, place)
        check_text(text, name)
    return values


def _plain(message: str) -> str:
    """The validator's sentence without its own prefix."""
    return message.removeprefix("Value error, ")
