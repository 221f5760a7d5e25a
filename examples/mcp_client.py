"""A client of `ingrained mcp`: starts it over standard input and output, remembers, recalls, forgets.

    pip install "ingrained[mcp]"
    python examples/mcp_client.py my-agent

`my-agent` is the home of an agent that has studied before; its embedder is loaded by the first call.
"""

from __future__ import annotations

import asyncio
import re
import sys

from mcp import Client, StdioServerParameters
from mcp.types import TextContent


async def call(client: Client, name: str, **arguments: str) -> str:
    result = await client.call_tool(name, arguments)
    text = "\n".join(part.text for part in result.content if isinstance(part, TextContent))
    if result.is_error:
        raise SystemExit(text)
    print(f"{name}: {text}")
    return text


async def main(server: StdioServerParameters) -> None:
    async with Client(server) as client:
        print("tools:", *(tool.name for tool in (await client.list_tools()).tools))
        kept = await call(client, "remember", text="The kiln is fired on Mondays.")
        await call(client, "recall", query="When is the kiln fired?")
        found = re.search(r"memory (\w+)", kept)
        if found:
            await call(client, "forget", memory_id=found[1])
        await call(client, "recall", query="When is the kiln fired?")


if __name__ == "__main__":
    served = ["-m", "ingrained", "mcp", "--home", sys.argv[1]]
    asyncio.run(main(StdioServerParameters(command=sys.executable, args=served)))
