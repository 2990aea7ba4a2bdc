"""A few tools on FastMCP: `server.py sessions | oauth`, at $PORT."""

import asyncio
import os
import sys

from fastmcp import FastMCP
from fastmcp.exceptions import ToolError
from fastmcp.server.auth.auth import ClientRegistrationOptions, RevocationOptions
from fastmcp.server.auth.providers import in_memory

MODE = sys.argv[1]
PORT = int(os.environ["PORT"])
ORIGIN = f"http://127.0.0.1:{PORT}"
in_memory.DEFAULT_ACCESS_TOKEN_EXPIRY_SECONDS = 4


def note(line: str) -> None:
    """Appends to the journal that the test reads."""
    with open(os.environ["FOREIGN_JOURNAL"], "a", encoding="utf-8") as journal:
        journal.write(f"{line}\n")


class NotedProvider(in_memory.InMemoryOAuthProvider):
    """FastMCP's own, which notes when a token is renewed."""

    async def exchange_refresh_token(self, client, refresh_token, scopes):
        note("refresh")
        return await super().exchange_refresh_token(client, refresh_token, scopes)


def provider() -> NotedProvider:
    return NotedProvider(
        base_url=ORIGIN,
        client_registration_options=ClientRegistrationOptions(
            enabled=True, valid_scopes=["use"], default_scopes=["use"]
        ),
        revocation_options=RevocationOptions(enabled=True),
        required_scopes=["use"],
    )


server = FastMCP("fastmcp", auth=provider() if MODE == "oauth" else None)


@server.tool
async def echo(text: str) -> str:
    """Says it back."""
    note(f"echo {text}")
    return f"echo: {text}"


@server.tool
async def slow(text: str, seconds: float) -> str:
    """Says it back after a while."""
    note(f"slow {text}")
    await asyncio.sleep(seconds)
    return f"slow: {text}"


@server.tool
async def fail(text: str) -> str:
    """Fails and says why."""
    note(f"fail {text}")
    raise ToolError(f"failed: {text}")


server.run("http", host="127.0.0.1", port=PORT, show_banner=False)
