"""The Ed25519 keys of a site's audit log: one that signs, and all public ones that ever did. No Django here.

<folder>/signing.pem              the private key, readable by its owner alone
<folder>/public/<key id>.pem      for whoever verifies
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterable
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)

PEM = re.compile(rb"-----BEGIN PUBLIC KEY-----.+?-----END PUBLIC KEY-----\s*", re.DOTALL)
PublicKeys = dict[str, Ed25519PublicKey]


class BadKey(Exception):
    """A file that should hold a key does not; says which and why."""


def key_id_of(key: Ed25519PublicKey) -> str:
    """16 hexadecimal digits: the start of SHA-256 over the raw public key."""
    return hashlib.sha256(key.public_bytes(Encoding.Raw, PublicFormat.Raw)).hexdigest()[:16]


def pem_of(key: Ed25519PublicKey) -> bytes:
    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def signing_key(folder: Path) -> Ed25519PrivateKey:
    """The key that signs now, made where there is none. Raises BadKey or OSError."""
    path = folder / "signing.pem"
    if not path.exists():
        new_signing_key(folder)
    try:
        key = load_pem_private_key(path.read_bytes(), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise BadKey(f"{path} holds no private key that can be read: {error}") from error
    if not isinstance(key, Ed25519PrivateKey):
        raise BadKey(f"{path} holds a key of another kind than Ed25519.")
    return key


def new_signing_key(folder: Path) -> str:
    """Make a key that signs from now on; returns its id. The one before is gone: nobody can sign the past anew."""
    key = Ed25519PrivateKey.generate()
    key_id = key_id_of(key.public_key())
    (folder / "public").mkdir(parents=True, exist_ok=True)
    (folder / "public" / f"{key_id}.pem").write_bytes(pem_of(key.public_key()))
    written = folder / f"signing.{os.getpid()}.new"
    with os.fdopen(os.open(written, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    written.replace(folder / "signing.pem")
    return key_id


def public_keys(folder: Path) -> PublicKeys:
    """All that ever signed here. Raises BadKey."""
    return read_public_keys(sorted((folder / "public").glob("*.pem")))


def read_public_keys(paths: Iterable[Path]) -> PublicKeys:
    """Every public key in these PEM files, by id; a file may hold several. Raises BadKey, OSError."""
    found: PublicKeys = {}
    for path in paths:
        blocks = PEM.findall(path.read_bytes())
        if not blocks:
            raise BadKey(f"{path} holds no public key in PEM form.")
        for block in blocks:
            found |= _read(path, block)
    return found


def _read(path: Path, block: bytes) -> PublicKeys:
    try:
        key = load_pem_public_key(block)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise BadKey(f"{path} holds a public key that can't be read: {error}") from error
    if not isinstance(key, Ed25519PublicKey):
        raise BadKey(f"{path} holds a key of another kind than Ed25519.")
    return {key_id_of(key): key}
