"""Who signs: a key of the site's own, with a certificate from an authority that exists for nothing else."""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

KEY, CHAIN, AUTHORITY = "signing.key", "chain.pem", "authority.pem"
YEARS = 10
"""Without a time-stamping server, a signature holds no longer than its certificate."""
C2PA_SIGNING = x509.ObjectIdentifier("1.3.6.1.4.1.62558.2.1")
"""C2PA's own purpose of a key; its specification takes e-mail protection too, which older readers know."""


@dataclass(frozen=True, slots=True)
class Identity:
    """PEM: the key, its certificate with those up to the authority, and that authority, which readers may trust."""

    key: bytes
    chain: bytes
    authority: bytes


def identity_of(folder: Path, site: str) -> Identity:
    """What lies in the folder; made there the first time, for a site of that name. Whoever comes second gets the same.

    A certificate that was bought goes there under the same names: an ES256 key, and a chain that ends below the root.
    """
    if not (folder / KEY).exists():
        _make(folder, site)
    return Identity(*((folder / name).read_bytes() for name in (KEY, CHAIN, AUTHORITY)))


def _make(folder: Path, site: str) -> None:
    """All files appear at once: they are written beside and renamed."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    beside = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f".{folder.name}-"))
    try:
        made = _issue(site)
        for name, content in ((KEY, made.key), (CHAIN, made.chain), (AUTHORITY, made.authority)):
            (beside / name).touch(0o600)
            (beside / name).write_bytes(content)
        beside.rename(folder)
    except OSError:
        if not (folder / KEY).exists():  # else another process was faster
            raise
    finally:
        shutil.rmtree(beside, ignore_errors=True)


def _issue(site: str) -> Identity:
    """The authority's own key is forgotten at once: it signs this one certificate and never another."""
    root, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    issuer = _name(site, "picture authority")
    authority = (
        _certificate(issuer, issuer, root.public_key())
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(is_authority=True), critical=True)
        .sign(root, hashes.SHA256())
    )
    signing = (
        _certificate(_name(site, "pictures"), issuer, key.public_key())
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(is_authority=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([C2PA_SIGNING, ExtendedKeyUsageOID.EMAIL_PROTECTION]), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(root.public_key()), critical=False)
        .sign(root, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    secret = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return Identity(secret, signing.public_bytes(pem), authority.public_bytes(pem))


def _certificate(subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey) -> x509.CertificateBuilder:
    since = datetime.now(UTC) - timedelta(minutes=5)  # clocks differ
    return (
        x509.CertificateBuilder(subject_name=subject, issuer_name=issuer, public_key=key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(since)
        .not_valid_after(since + timedelta(days=365 * YEARS))
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
    )


def _name(site: str, what: str) -> x509.Name:
    organisation = x509.NameAttribute(NameOID.ORGANIZATION_NAME, site[:64] or "Atrium")
    return x509.Name([organisation, x509.NameAttribute(NameOID.COMMON_NAME, f"Atrium {what}")])


def _usage(*, is_authority: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not is_authority,
        key_cert_sign=is_authority,
        crl_sign=is_authority,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )
