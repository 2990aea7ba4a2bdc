"""A few tools on the Python SDK: `server.py sessions | stateless | oauth`, at $PORT."""

import asyncio
import os
import secrets
import sys
import time

from mcp.server.auth.provider import (
    AccessToken,
    AuthorizationCode,
    AuthorizationParams,
    OAuthAuthorizationServerProvider,
    RefreshToken,
    construct_redirect_uri,
)
from mcp.server.auth.settings import AuthSettings, ClientRegistrationOptions, RevocationOptions
from mcp.server.mcpserver import MCPServer
from mcp.server.mcpserver.exceptions import ToolError
from mcp.shared.auth import OAuthClientInformationFull, OAuthToken

MODE = sys.argv[1]
PORT = int(os.environ["PORT"])
ORIGIN = f"http://127.0.0.1:{PORT}"
TOKEN_SECONDS = 4


def note(line: str) -> None:
    """Appends to the journal that the test reads."""
    with open(os.environ["FOREIGN_JOURNAL"], "a", encoding="utf-8") as journal:
        journal.write(f"{line}\n")


class MemoryProvider(OAuthAuthorizationServerProvider[AuthorizationCode, RefreshToken, AccessToken]):
    """Agrees to everything, and forgets everything with its process. Refresh tokens are single use."""

    def __init__(self) -> None:
        self.clients: dict[str, OAuthClientInformationFull] = {}
        self.codes: dict[str, AuthorizationCode] = {}
        self.access: dict[str, AccessToken] = {}
        self.refresh: dict[str, RefreshToken] = {}

    async def get_client(self, client_id: str) -> OAuthClientInformationFull | None:
        return self.clients.get(client_id)

    async def register_client(self, client_info: OAuthClientInformationFull) -> None:
        self.clients[str(client_info.client_id)] = client_info

    async def authorize(self, client: OAuthClientInformationFull, params: AuthorizationParams) -> str:
        code = secrets.token_urlsafe(32)
        self.codes[code] = AuthorizationCode(
            code=code,
            scopes=params.scopes or ["use"],
            expires_at=time.time() + 60,
            client_id=str(client.client_id),
            code_challenge=params.code_challenge,
            redirect_uri=params.redirect_uri,
            redirect_uri_provided_explicitly=params.redirect_uri_provided_explicitly,
            resource=params.resource,
            subject="somebody",
        )
        return construct_redirect_uri(str(params.redirect_uri), code=code, state=params.state)

    async def load_authorization_code(
        self, client: OAuthClientInformationFull, authorization_code: str
    ) -> AuthorizationCode | None:
        return self.codes.get(authorization_code)

    async def exchange_authorization_code(
        self, client: OAuthClientInformationFull, authorization_code: AuthorizationCode
    ) -> OAuthToken:
        del self.codes[authorization_code.code]
        return self._issue(client, authorization_code.scopes, authorization_code.resource)

    async def load_refresh_token(self, client: OAuthClientInformationFull, refresh_token: str) -> RefreshToken | None:
        return self.refresh.get(refresh_token)

    async def exchange_refresh_token(
        self, client: OAuthClientInformationFull, refresh_token: RefreshToken, scopes: list[str]
    ) -> OAuthToken:
        del self.refresh[refresh_token.token]
        note("refresh")
        return self._issue(client, scopes, refresh_token.resource)

    async def load_access_token(self, token: str) -> AccessToken | None:
        return self.access.get(token)

    async def revoke_token(self, token: AccessToken | RefreshToken) -> None:
        self.access.pop(token.token, None)
        self.refresh.pop(token.token, None)

    def _issue(self, client: OAuthClientInformationFull, scopes: list[str], resource: str | None) -> OAuthToken:
        access, refresh = secrets.token_urlsafe(32), secrets.token_urlsafe(32)
        of = {"client_id": str(client.client_id), "scopes": scopes, "resource": resource, "subject": "somebody"}
        self.access[access] = AccessToken(token=access, expires_at=int(time.time()) + TOKEN_SECONDS, **of)
        self.refresh[refresh] = RefreshToken(token=refresh, **of)
        return OAuthToken(
            access_token=access,
            token_type="Bearer",
            expires_in=TOKEN_SECONDS,
            scope=" ".join(scopes),
            refresh_token=refresh,
        )


def protected() -> dict[str, object]:
    return {
        "auth_server_provider": MemoryProvider(),
        "auth": AuthSettings(
            issuer_url=ORIGIN,
            resource_server_url=f"{ORIGIN}/mcp",
            validate_token_resource=True,
            client_registration_options=ClientRegistrationOptions(
                enabled=True, valid_scopes=["use"], default_scopes=["use"]
            ),
            revocation_options=RevocationOptions(enabled=True),
            required_scopes=["use"],
        ),
    }


server = MCPServer("python", log_level="WARNING", **(protected() if MODE == "oauth" else {}))


@server.tool()
async def echo(text: str) -> str:
    """Says it back."""
    note(f"echo {text}")
    return f"echo: {text}"


@server.tool()
async def slow(text: str, seconds: float) -> str:
    """Says it back after a while."""
    note(f"slow {text}")
    await asyncio.sleep(seconds)
    return f"slow: {text}"


@server.tool()
async def fail(text: str) -> str:
    """Fails and says why."""
    note(f"fail {text}")
    raise ToolError(f"failed: {text}")


server.run("streamable-http", port=PORT, stateless_http=MODE == "stateless")
