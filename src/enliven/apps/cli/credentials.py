"""`enliven credentials`: the certificate and key that sign results."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated

import typer

from enliven.apps.cli.options import Cert, Key, Overwrite, warn

if TYPE_CHECKING:
    from enliven.provenance.credentials import Credentials

app = typer.Typer(no_args_is_help=True, help="The certificate and key that sign results.")
Json = Annotated[bool, typer.Option("--json", help="One JSON object on stdout.")]


@app.command()
def new(
    name: Annotated[
        str, typer.Option(help="What others read as the issuer.", show_default="enliven, local credentials")
    ] = "",
    overwrite: Overwrite = False,
    as_json: Json = False,
) -> None:
    """Make local credentials in your config folder, readable by you alone.

    Nobody else knows them: to others they show that a file is unchanged, not who made it. Whatever the ones that
    are replaced signed stays recognised on this computer.
    """
    from enliven.provenance.credentials import LOCAL_NAME, make_local_credentials

    _show(make_local_credentials(name or LOCAL_NAME, overwrite=overwrite), as_json)


@app.command()
def show(cert: Cert = None, key: Key = None, as_json: Json = False) -> None:
    """Show which credentials sign now; makes local ones if there are none. Never shows the key."""
    from enliven.provenance.credentials import find_credentials

    _show(find_credentials(cert, key), as_json)


def _show(credentials: Credentials, as_json: bool) -> None:
    facts = {
        "signer": credentials.name,
        "issuer": credentials.issuer,
        "algorithm": credentials.algorithm,
        "key_id": f"{credentials.key_id:04x}",
        "expires": credentials.expires.date().isoformat(),
        "certificates": str(credentials.path),
        "local": credentials.local,
    }
    warn(credentials.warnings)
    if as_json:
        typer.echo(json.dumps(facts))
        return
    for what, value in facts.items():
        typer.echo(f"{what.replace('_', ' '):13} {value}")
