"""Secrets that the site must be able to read again, sealed so that a stolen database opens none of them."""

from __future__ import annotations

import base64

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings


class Unreadable(Exception):
    """Sealed with a SECRET_KEY that is neither the present one nor among SECRET_KEY_FALLBACKS, or damaged."""


def seal(text: str, purpose: str) -> str:
    """`purpose` separates the keys: what was sealed for one opens for no other."""
    return _box(purpose).encrypt(text.encode()).decode()


def unseal(sealed: str, purpose: str) -> str:
    """Raises Unreadable."""
    try:
        return _box(purpose).decrypt(sealed.encode()).decode()
    except InvalidToken as error:
        raise Unreadable from error


def reseal(sealed: str, purpose: str) -> str:
    """The same secret under the present SECRET_KEY. Raises Unreadable."""
    try:
        return _box(purpose).rotate(sealed.encode()).decode()
    except InvalidToken as error:
        raise Unreadable from error


def _box(purpose: str) -> MultiFernet:
    """Seals with a key made of SECRET_KEY; opens with those of the fallbacks too."""
    return MultiFernet([_fernet(key, purpose) for key in (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)])


def _fernet(secret: str, purpose: str) -> Fernet:
    derived = HKDF(SHA256(), length=32, salt=None, info=f"atrium.{purpose}".encode()).derive(secret.encode())
    return Fernet(base64.urlsafe_b64encode(derived))
