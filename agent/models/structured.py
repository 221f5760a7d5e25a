"""Replies that follow a schema: what the model is held to, and how the reply is read back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from langchain_core.exceptions import OutputParserException
from langchain_core.language_models import BaseChatModel, LanguageModelInput
from langchain_core.messages import BaseMessage
from langchain_core.output_parsers import JsonOutputParser, PydanticOutputParser
from langchain_core.runnables import Runnable, RunnableLambda
from pydantic import BaseModel

Schema = Mapping[str, Any] | type[BaseModel]


def schema_of(schema: Schema) -> dict[str, Any]:
    """Return the JSON schema of a pydantic model, or the schema itself.

    Raises:
        TypeError: it is neither.
    """
    if isinstance(schema, type) and issubclass(schema, BaseModel):
        return schema.model_json_schema()
    if isinstance(schema, Mapping):
        return dict(schema)
    raise TypeError(f"a schema is a pydantic model or a JSON schema, not {schema!r}")


def held_to(
    schema: Schema, model: BaseChatModel, *, include_raw: bool, **options: Any
) -> Runnable[LanguageModelInput, Any]:
    """Return a model that takes `json_schema` at call time, with its replies read as objects of a schema.

    Args:
        schema: What the replies are held to.
        model: Whose they are.
        include_raw: See `with_raw`.
        options: Bound to the call too.
    """
    bound = model.bind(json_schema=schema_of(schema), **options)
    read = reader(schema)
    return with_raw(bound, read) if include_raw else bound | read


def reader(schema: Schema) -> Runnable[Any, Any]:
    """Return what turns a message into an object of the schema."""
    if isinstance(schema, type):
        return PydanticOutputParser(pydantic_object=schema)
    return JsonOutputParser()


def with_raw(
    model: Runnable[LanguageModelInput, Any], read: Runnable[Any, Any]
) -> Runnable[LanguageModelInput, dict[str, Any]]:
    """Return message, parsed object and parsing error side by side, and never a raised one."""

    def parse(message: BaseMessage) -> dict[str, Any]:
        try:
            return {"raw": message, "parsed": read.invoke(message), "parsing_error": None}
        except OutputParserException as error:
            return {"raw": message, "parsed": None, "parsing_error": error}

    return model | RunnableLambda(parse)
