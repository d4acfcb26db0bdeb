from __future__ import annotations

import stat
from dataclasses import replace
from pathlib import Path

import pytest

from app.adapters.blob_store import EncryptedBlobStore
from app.adapters.encryption import DataKeys
from app.domain.errors import RecordUnreadable, StoreUnavailable
from app.services.ports import BlobAddress
from tests.adapters.test_encryption import MemoryWrappedKeys

ADDRESS = BlobAddress("org", "anna", "record-1", "portrait")
JPEG = b"\xff\xd8\xff\xe0 a whole face \xff\xd9"


@pytest.fixture
def keys() -> MemoryWrappedKeys:
    return MemoryWrappedKeys()


@pytest.fixture
def blobs(tmp_path: Path, keys: MemoryWrappedKeys) -> EncryptedBlobStore:
    return EncryptedBlobStore(tmp_path / "blobs", DataKeys(keys, {"k": b"k" * 32}))


def files_of(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def test_a_blob_reads_back_and_its_file_shows_nothing(blobs: EncryptedBlobStore, tmp_path: Path) -> None:
    blob_id = blobs.put(ADDRESS, JPEG)
    assert blobs.get(blob_id, ADDRESS) == JPEG
    (file,) = files_of(tmp_path)
    assert file.relative_to(tmp_path) == Path("blobs", blob_id[:2], blob_id)
    assert b"\xff\xd8\xff" not in file.read_bytes()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700


@pytest.mark.parametrize(
    "change",
    [{"organization_id": "org2"}, {"entity_id": "bert"}, {"record_id": "record-2"}, {"kind": "template"}],
)
def test_a_blob_opens_under_its_own_address_only(blobs: EncryptedBlobStore, change: dict[str, str]) -> None:
    blob_id = blobs.put(ADDRESS, JPEG)
    other = replace(ADDRESS, **change)
    blobs.put(other, b"theirs")
    with pytest.raises(RecordUnreadable):
        blobs.get(blob_id, other)


def test_two_files_that_were_swapped_are_both_unreadable(blobs: EncryptedBlobStore, tmp_path: Path) -> None:
    other = replace(ADDRESS, record_id="record-2")
    ids = [blobs.put(ADDRESS, JPEG), blobs.put(other, JPEG)]
    paths = [tmp_path / "blobs" / blob_id[:2] / blob_id for blob_id in ids]
    contents = [path.read_bytes() for path in paths]
    paths[0].write_bytes(contents[1])
    paths[1].write_bytes(contents[0])
    for blob_id, address in zip(ids, (ADDRESS, other), strict=True):
        with pytest.raises(RecordUnreadable):
            blobs.get(blob_id, address)


@pytest.mark.parametrize("damage", [b"", b"BFB1", b"BFB9" + b"x" * 60, b"\xff\xd8\xff\xe0"])
def test_a_damaged_file_is_unreadable(blobs: EncryptedBlobStore, tmp_path: Path, damage: bytes) -> None:
    blob_id = blobs.put(ADDRESS, JPEG)
    files_of(tmp_path)[0].write_bytes(damage)
    with pytest.raises(RecordUnreadable):
        blobs.get(blob_id, ADDRESS)


def test_what_is_gone_is_unreadable_and_may_be_deleted_again(blobs: EncryptedBlobStore, tmp_path: Path) -> None:
    blob_id = blobs.put(ADDRESS, JPEG)
    blobs.delete(blob_id)
    blobs.delete(blob_id)
    assert files_of(tmp_path) == []
    with pytest.raises(RecordUnreadable):
        blobs.get(blob_id, ADDRESS)


@pytest.mark.parametrize("blob_id", ["", "../../etc/passwd", "0" * 31, "A" * 32, "0" * 32 + "\n"])
def test_an_id_is_no_path(blobs: EncryptedBlobStore, blob_id: str) -> None:
    with pytest.raises(RecordUnreadable):
        blobs.get(blob_id, ADDRESS)


def test_destroying_the_key_makes_every_blob_unreadable(
    blobs: EncryptedBlobStore, keys: MemoryWrappedKeys
) -> None:
    blob_id = blobs.put(ADDRESS, JPEG)
    keys.keys.clear()
    with pytest.raises(RecordUnreadable):
        blobs.get(blob_id, ADDRESS)


def test_a_folder_that_cannot_be_written_is_an_outage(tmp_path: Path, keys: MemoryWrappedKeys) -> None:
    (tmp_path / "blobs").write_text("a file stands where the folder should be")
    blobs = EncryptedBlobStore(tmp_path / "blobs", DataKeys(keys, {"k": b"k" * 32}))
    with pytest.raises(StoreUnavailable):
        blobs.put(ADDRESS, JPEG)
    assert blobs.is_ready() == "the blob store cannot be written"


def test_a_write_that_fails_leaves_nothing_behind(
    blobs: EncryptedBlobStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(StoreUnavailable):
        blobs.put(ADDRESS, JPEG)
    assert files_of(tmp_path) == []


def test_the_folder_is_made_when_readiness_is_asked(blobs: EncryptedBlobStore, tmp_path: Path) -> None:
    assert blobs.is_ready() is None
    assert (tmp_path / "blobs").is_dir()
