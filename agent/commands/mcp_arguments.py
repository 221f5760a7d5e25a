"""An MCP server that says what a tool takes, where it was called with something else.

The library answers a wrong argument with what its validator printed. A model makes more of a sentence
that names the argument and what it is for, and nothing of what it sent need be repeated to it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from mcp.server.mcpserver import Context, MCPServer
from mcp.server.mcpserver.exceptions import ToolError, UnexpectedToolError
from mcp.types import CallToolResult, InputRequiredResult
from pydantic import ValidationError

LONGEST_NAME = 40
"""Characters that are told of the name of an argument that there is not."""

Served = CallToolResult | InputRequiredResult


class ExplainingServer(MCPServer[Any]):
    """Serves tools; of wrong arguments it tells what they should have been."""

    async def call_tool(
        self, name: str, arguments: dict[str, Any], context: Context[Any, Any] | None = None
    ) -> Served:
        """Call a tool.

        Raises:
            ToolError: It failed, there is none of the name, or the arguments are not what it takes.
        """
        try:
            return await super().call_tool(name, arguments, context)
        except UnexpectedToolError:
            raise
        except ToolError as error:
            if not isinstance(error.__cause__, ValidationError):
                raise
            (tool,) = (one for one in await self.list_tools() if one.name == name)
            told = _explained(name, tool.input_schema, arguments, error.__cause__)
            raise ToolError(told) from error


def _explained(
    name: str, schema: Mapping[str, Any], given: Iterable[str], error: ValidationError
) -> str:
    known, required = schema["properties"], schema.get("required", ())
    faults = [_fault(one) for one in error.errors(include_url=False, include_input=False)]
    faults += [f"there is no {one[:LONGEST_NAME]!r}" for one in given if one not in known]
    takes = [
        f"`{one}`{'' if one in required else ' (may be left out)'}: {about['description']}"
        for one, about in known.items()
    ]
    return f"{name} was not called: {', '.join(faults)}. It takes {' '.join(takes)}"


def _fault(fault: Mapping[str, Any]) -> str:
    argument = ".".join(map(str, fault["loc"]))
    match fault["type"]:
        case "missing":
            return f"`{argument}` is missing"
        case "string_type":
            return f"`{argument}` has to be a text"
        case "string_too_long":
            return f"`{argument}` may have at most {fault['ctx']['max_length']} characters"
        case _:
            return f"`{argument}`: {fault['msg']}"
