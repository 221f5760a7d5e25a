"""An MCP server that says what a tool takes, where it was called with something else.

The library answers a wrong argument with what its validator printed, and one that there is not it
ignores: a `replaces` under another name would leave in force what was to be corrected. A model makes more of
a sentence that names the argument and what it is for, and nothing of what it sent need be repeated to it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from mcp.server.mcpserver import Context, MCPServer
from mcp.server.mcpserver.exceptions import ToolError, UnexpectedToolError
from mcp.types import CallToolResult, InputRequiredResult, Tool
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
        tool = next((one for one in await self.list_tools() if one.name == name), None)
        if tool and (faults := _misnamed(tool.input_schema, arguments)):
            raise ToolError(_explained(tool, faults))
        try:
            return await super().call_tool(name, arguments, context)
        except UnexpectedToolError:
            raise
        except ToolError as error:
            if tool is None or not isinstance(error.__cause__, ValidationError):
                raise
            wrong = error.__cause__.errors(include_url=False, include_input=False)
            raise ToolError(_explained(tool, [_fault(one) for one in wrong])) from error


def _misnamed(schema: Mapping[str, Any], given: Collection[str]) -> list[str]:
    known = schema["properties"]
    missing = [f"`{one}` is missing" for one in schema.get("required", ()) if one not in given]
    return missing + [f"there is no {one[:LONGEST_NAME]!r}" for one in given if one not in known]


def _explained(tool: Tool, faults: Iterable[str]) -> str:
    known, required = tool.input_schema["properties"], tool.input_schema.get("required", ())
    takes = [
        f"`{one}`{'' if one in required else ' (may be left out)'}: {about['description']}"
        for one, about in known.items()
    ]
    return f"{tool.name} was not called: {', '.join(faults)}. It takes {' '.join(takes)}"


def _fault(fault: Mapping[str, Any]) -> str:
    argument = ".".join(map(str, fault["loc"]))
    match fault["type"]:
        case "string_type":
            return f"`{argument}` has to be a text"
        case "string_too_long":
            return f"`{argument}` may have at most {fault['ctx']['max_length']} characters"
        case _:
            return f"`{argument}`: {fault['msg']}"
