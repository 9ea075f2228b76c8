"""Signed pictures, read by C2PA's own reader: trusted, naming a model, and broken by any change."""

from __future__ import annotations

import io
import stat
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import c2pa
import pytest

from engine.pictures import Carries, Kind, Origin, download, pixels_sha256, recover
from engine.pictures.identity import AUTHORITY, KEY, Identity, identity_of
from engine.pictures.signing import ASSERTION, Signer, SigningFailed
from tests.engine.pictures.files import DIGEST, drawing, encoded, opened, origin

PNG = encoded(drawing())


@pytest.fixture(scope="module")
def identity(tmp_path_factory: pytest.TempPathFactory) -> Identity:
    return identity_of(tmp_path_factory.mktemp("site") / "signing", "Example Museum")


@pytest.fixture(scope="module")
def signer(identity: Identity) -> Signer:
    return Signer(identity)


def signed(signer: Signer, kind: Kind = Kind.PNG, made: Origin | None = None, *, with_parameters: bool = True) -> bytes:
    made = made or origin()
    return signer.sign(download(PNG, made, Carries.SIGNED, kind), made, kind, with_parameters=with_parameters)


def verdict(picture: bytes, kind: Kind, identity: Identity | None = None) -> tuple[str, list[str], dict[str, Any]]:
    """Its state, codes of what failed, and assertions of the manifest by label."""
    trust = {"trust": {"user_anchors": identity.authority.decode()}} if identity else {}
    reader = c2pa.Reader(kind.media_type, io.BytesIO(picture), context=c2pa.Context.from_dict(trust))
    results, manifest = reader.get_validation_results(), reader.get_active_manifest()
    failed = [failure["code"] for failure in results["activeManifest"]["failure"]]
    return reader.get_validation_state(), failed, {one["label"]: one["data"] for one in manifest["assertions"]}


@pytest.mark.parametrize("kind", Kind)
def test_trusted_with_the_sites_authority(signer: Signer, identity: Identity, kind: Kind) -> None:
    state, failed, told = verdict(signed(signer, kind), kind, identity)
    assert (state, failed) == ("Trusted", [])
    action = told["c2pa.actions.v2"]["actions"][0]
    assert action["action"] == "c2pa.created"
    assert action["digitalSourceType"] == "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"
    assert told[ASSERTION]["digest"] == DIGEST
    assert told[ASSERTION]["parameters"]["prompt"] == "a red apple"


def test_sound_but_of_nobody_known_without_it(signer: Signer) -> None:
    state, failed, _ = verdict(signed(signer), Kind.PNG)
    assert (state, failed) == ("Valid", ["signingCredential.untrusted"])


def test_another_sites_authority_vouches_for_nothing(signer: Signer, tmp_path: Path) -> None:
    assert verdict(signed(signer), Kind.PNG, identity_of(tmp_path / "other", "Other"))[0] == "Valid"


def test_other_pixels_break_the_seal(signer: Signer, identity: Identity) -> None:
    """A whole other picture in the same file, of the same length: only the seal can tell."""
    one, other = (encoded(picture, compress_level=0) for picture in (drawing(), drawing().transpose(0)))
    made = origin()
    whole = signer.sign(download(one, made, Carries.SIGNED), made, Kind.PNG, with_parameters=True)
    changed = whole.replace(one[one.index(b"IDAT") :], other[other.index(b"IDAT") :])
    assert pixels_sha256(changed) == pixels_sha256(other)
    assert verdict(whole, Kind.PNG, identity)[0] == "Trusted"
    assert verdict(changed, Kind.PNG, identity)[:2] == ("Invalid", ["assertion.dataHash.mismatch"])


@pytest.mark.parametrize(("kind", "before"), [(Kind.PNG, b"IDAT"), (Kind.JPEG, b"\xff\xda"), (Kind.WEBP, b"VP8 ")])
def test_one_bit_of_the_pixels_breaks_the_seal(signer: Signer, identity: Identity, kind: Kind, before: bytes) -> None:
    changed = bytearray(signed(signer, kind))
    changed[changed.rindex(before) + 200] ^= 1
    state, failed, _ = verdict(bytes(changed), kind, identity)
    assert (state, failed) == ("Invalid", ["assertion.dataHash.mismatch"])


def test_parameters_only_where_wanted(signer: Signer) -> None:
    picture = signed(signer, with_parameters=False)
    assert set(verdict(picture, Kind.PNG)[2][ASSERTION]) == {"model", "digest"}
    assert b"apple" not in picture
    assert recover(picture) is None


def test_a_part_drawn_anew_is_called_so(signer: Signer) -> None:
    picture = signed(signer, made=origin(has_source=True, has_mask=True))
    action = verdict(picture, Kind.PNG)[2]["c2pa.actions.v2"]["actions"][0]
    assert action["digitalSourceType"].endswith("/compositeWithTrainedAlgorithmicMedia")


def test_pixels_stay_and_everybody_can_open_it(signer: Signer) -> None:
    picture = signed(signer)
    assert pixels_sha256(picture) == pixels_sha256(PNG)
    assert opened(picture).size == (64, 48)


def test_the_identity_is_made_once_and_nobody_else_may_read_it(tmp_path: Path) -> None:
    folder = tmp_path / "deep" / "signing"
    barrier = threading.Barrier(4)

    def get(_: int) -> Identity:
        barrier.wait()
        return identity_of(folder, "Example")

    with ThreadPoolExecutor(4) as pool:
        found = set(pool.map(get, range(4)))
    assert found == {identity_of(folder, "Example")}
    assert {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == {0o600}
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert [path.name for path in folder.parent.iterdir()] == ["signing"]


def test_several_threads_sign_with_one_signer(signer: Signer, identity: Identity) -> None:
    with ThreadPoolExecutor(4) as pool:
        pictures = list(pool.map(lambda seed: signed(signer, made=origin(model=f"m{seed}")), range(16)))
    told = [verdict(picture, Kind.PNG, identity) for picture in pictures]
    assert [state for state, _, _ in told] == ["Trusted"] * 16
    assert [assertions[ASSERTION]["model"] for _, _, assertions in told] == [f"m{seed}" for seed in range(16)]


def test_a_broken_key_is_told(tmp_path: Path, identity: Identity) -> None:
    with pytest.raises(SigningFailed, match="Ask an administrator"):
        signed(Signer(Identity(b"no key", identity.chain, identity.authority)))
    other = identity_of(tmp_path / "other", "Other")
    with pytest.raises(SigningFailed, match="Ask an administrator"):
        signed(Signer(Identity(other.key, identity.chain, identity.authority)))
    assert (tmp_path / "other" / KEY).exists()


def test_what_an_operator_put_there_is_used(tmp_path: Path, identity: Identity) -> None:
    own = tmp_path / "own"
    own.mkdir()
    for name, content in zip(
        (KEY, "chain.pem", AUTHORITY), (identity.key, identity.chain, identity.authority), strict=True
    ):
        (own / name).write_bytes(content)
    assert identity_of(own, "ignored") == identity


def test_odd_names_of_models(signer: Signer) -> None:
    for name in ('a "quoted"\n🍎', "\0", "x" * 5000):
        assert verdict(signed(signer, made=origin(model=name)), Kind.PNG)[2][ASSERTION]["model"] == name
