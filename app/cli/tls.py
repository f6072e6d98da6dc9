"""Makes the certificates of a closed network: an authority that terminals are told to trust, and the service's own."""

from pathlib import Path
from typing import Annotated

import typer
from cryptography.hazmat.primitives import hashes
from rich.markup import escape

from app.cli.saying import console, explained, say
from app.core import certificates
from app.core.certificates import Folder, Names
from app.core.clock import SystemClock
from app.core.i18n import N_
from app.core.settings import Settings, configured

_NAMES = typer.Argument(help="服务的主机名和 IP · the names and addresses that terminals call the service by")


def tls_folder(chosen: Settings) -> Folder:
    return Folder(chosen.data_dir / "tls")


def tls(
    names: Annotated[list[str], _NAMES],
    data: Annotated[Path | None, typer.Option("--data", help="数据目录 · data folder (default: var)")] = None,
    new_ca: Annotated[
        bool,
        typer.Option("--new-ca", help="重新生成颁发机构 · make the authority anew; terminals must be told"),
    ] = False,
) -> None:
    """内网 HTTPS：生成本地证书颁发机构和服务器证书，再次运行即续期 · certificates for a closed network; again to renew."""
    with explained():
        chosen = configured()
        if data is not None:
            chosen.data_dir = data
        folder = tls_folder(chosen)
        authority = certificates.issue(folder, Names.read(names), SystemClock().now(), anew=new_ca)
        print_of = authority.fingerprint(hashes.SHA256()).hex(":").upper()
        say(
            N_("服务器证书已写入 {file}，有效 {days} 天；到期前再次运行本命令即可续期，然后重启服务"),
            file=folder.server,
            days=certificates.SERVER_DAYS,
        )
        say(N_("用 yuanping serve --tls 打开服务"))
        say(N_("在每台席位终端上安装 {file}（只安装这一个文件），并核对指纹："), file=folder.authority)
        console.print(f"  SHA-256 {print_of}", soft_wrap=True)
        for line in (
            "  Windows:  certutil -addstore -f Root ca.pem",
            "  Linux:    certutil -d sql:$HOME/.pki/nssdb -A -t C,, -n yuanping -i ca.pem",
            "  macOS:    security add-trusted-cert -d -r trustRoot -k /Library/Keychains/System.keychain ca.pem",
        ):
            console.print(escape(line), soft_wrap=True)
        say(N_("颁发机构的私钥 {file} 只在续期时需要，请移到离线介质保存"), file=folder.authority_key)
