"""A certificate authority of one's own and a server certificate from it, for a closed network (内网证书).

The authority can speak for the names it was made for and for no others, so that a terminal which trusts it trusts nobody else
for anything. Both keys are ECDSA P-256.
"""

import ipaddress
import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from app.core.errors import InvalidInput
from app.core.i18n import N_

AUTHORITY_DAYS, SERVER_DAYS = 3650, 825
"""825 days is the longest that every browser takes of a server."""
_ALWAYS = ("localhost", "127.0.0.1")
_EVERYWHERE = (ipaddress.ip_network("0.0.0.0/0"), ipaddress.ip_network("::/0"))
_SKEW = timedelta(hours=1)
Network = ipaddress.IPv4Network | ipaddress.IPv6Network


@dataclass(frozen=True, slots=True)
class Names:
    """What a server is called: names and addresses."""

    hosts: tuple[str, ...]
    addresses: tuple[ipaddress.IPv4Address | ipaddress.IPv6Address, ...]

    @classmethod
    def read(cls, given: Sequence[str]) -> "Names":
        """The names, with those of this machine itself. InvalidInput for what is no name."""
        hosts: list[str] = []
        addresses: list[ipaddress.IPv4Address | ipaddress.IPv6Address] = []
        for one in (*given, *_ALWAYS):
            try:
                addresses.append(ipaddress.ip_address(one))
            except ValueError:
                hosts.append(_host(one))
        return cls(tuple(dict.fromkeys(hosts)), tuple(dict.fromkeys(addresses)))

    @property
    def general(self) -> list[x509.GeneralName]:
        return [*map(x509.DNSName, self.hosts), *map(x509.IPAddress, self.addresses)]


@dataclass(frozen=True, slots=True)
class Folder:
    """Where both lie. What ends in `.key` is for its owner alone."""

    path: Path

    @property
    def authority(self) -> Path:
        return self.path / "ca.pem"

    @property
    def authority_key(self) -> Path:
        return self.path / "ca.key"

    @property
    def server(self) -> Path:
        return self.path / "server.pem"

    @property
    def server_key(self) -> Path:
        return self.path / "server.key"


def issue(folder: Folder, names: Names, now: datetime, *, anew: bool = False) -> x509.Certificate:
    """Writes a new server certificate and its key; makes the authority first where there is none, or when asked for one anew.

    InvalidInput when the authority that is there does not speak for one of the names. Returns the authority's certificate.
    """
    folder.path.mkdir(parents=True, exist_ok=True, mode=0o700)
    if anew or not folder.authority_key.exists():
        authority, key = _authority(names, now)
        _write(folder.authority_key, _pem(key), 0o600)
        _write(folder.authority, authority.public_bytes(serialization.Encoding.PEM), 0o644)
    else:
        authority, key = _read(folder)
        _require_permitted(authority, names)
    server, server_key = _server(authority, key, names, now)
    _write(folder.server_key, _pem(server_key), 0o600)
    _write(folder.server, server.public_bytes(serialization.Encoding.PEM), 0o644)
    return authority


def _authority(names: Names, now: datetime) -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name(
        [x509.NameAttribute(NameOID.COMMON_NAME, f"Yuanping {names.hosts[0]} {now:%Y-%m-%d}")]
    )
    permitted = [*map(x509.DNSName, names.hosts), *(x509.IPAddress(_alone(one)) for one in names.addresses)]
    versions = {one.version for one in names.addresses}
    # A kind of name of which none is permitted would otherwise be free.
    excluded = [x509.IPAddress(all_) for all_ in _EVERYWHERE if all_.version not in versions]
    certificate = (
        _started(subject, subject, key.public_key(), now, AUTHORITY_DAYS)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs_certificates=True), critical=True)
        .add_extension(x509.NameConstraints(permitted, excluded or None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    return certificate, key


def _server(
    authority: x509.Certificate, key: ec.EllipticCurvePrivateKey, names: Names, now: datetime
) -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
    own = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, names.hosts[0])])
    certificate = (
        _started(subject, authority.subject, own.public_key(), now, SERVER_DAYS)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs_certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectAlternativeName(names.general), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(own.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    return certificate, own


def _started(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, now: datetime, days: int
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _SKEW)
        .not_valid_after(now - _SKEW + timedelta(days=days))
    )


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )


def _read(folder: Folder) -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
    try:
        certificate = x509.load_pem_x509_certificate(folder.authority.read_bytes())
        key = serialization.load_pem_private_key(folder.authority_key.read_bytes(), password=None)
    except (OSError, ValueError) as error:
        raise _unusable(folder) from error
    if not isinstance(key, ec.EllipticCurvePrivateKey) or key.public_key() != certificate.public_key():
        raise _unusable(folder)
    return certificate, key


def _unusable(folder: Folder) -> InvalidInput:
    return InvalidInput(
        "authority-unusable",
        N_("{folder} 中的证书颁发机构不完整或无法读取"),
        N_("恢复 ca.pem 与 ca.key，或加 --new-ca 重新生成并在各席位终端重新安装"),
        folder=folder.path,
    )


def _require_permitted(authority: x509.Certificate, names: Names) -> None:
    constraints = authority.extensions.get_extension_for_class(x509.NameConstraints).value
    permitted = list(constraints.permitted_subtrees or ())
    hosts = {one.value for one in permitted if isinstance(one, x509.DNSName)}
    networks = [ipaddress.ip_network(str(one.value)) for one in permitted if isinstance(one, x509.IPAddress)]
    strange = [
        one for one in names.hosts if not any(one == host or one.endswith(f".{host}") for host in hosts)
    ]
    strange += [str(one) for one in names.addresses if not any(one in network for network in networks)]
    if strange:
        raise InvalidInput(
            "authority-narrow",
            N_("现有证书颁发机构不能为 {names} 签发证书"),
            N_("加 --new-ca 重新生成，并在各席位终端重新安装 ca.pem"),
            names=", ".join(strange),
        )


def _host(text: str) -> str:
    name = text.strip().rstrip(".").lower()
    try:
        written = name.encode("idna").decode("ascii")
    except UnicodeError:
        written = ""
    parts = written.split(".")
    plain = all(part and part.replace("-", "a").isalnum() and part[0] != "-" != part[-1] for part in parts)
    if not plain or parts[-1].isdecimal():
        raise InvalidInput(
            "host-name", N_("“{name}” 不是主机名或 IP 地址"), N_("写成 pingbiao.lan 或 10.0.0.5"), name=text
        )
    return written


def _alone(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> Network:
    return ipaddress.ip_network(address)


def _pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _write(path: Path, content: bytes, mode: int) -> None:
    """In one step, with its rights from the first moment on."""
    temporary = path.with_name(f".{path.name}-new")
    temporary.unlink(missing_ok=True)
    with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    temporary.chmod(mode)
    temporary.replace(path)
