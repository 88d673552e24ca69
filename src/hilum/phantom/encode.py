"""Grey levels into files: JPEG, DICOM, gzip, csv; the same bytes for the same content on any machine.

Imperfect: a JPEG's bytes are those of the libjpeg-turbo that Pillow brings; constraints.txt fixes it.
"""

from __future__ import annotations

import csv
import io
import zlib
from collections.abc import Iterable, Sequence

import numpy as np
from PIL import Image
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.uid import UID, ExplicitVRLittleEndian

JPEG_QUALITY = 90
_DIGITAL_X_RAY = "1.2.840.10008.5.1.4.1.1.1.1"
_OWN_ROOT = "1.2.826.0.1.3680043.10.1511"


def jpeg_bytes(grey: np.ndarray) -> bytes:
    """An 8-bit JPEG of grey levels 0 to 255."""
    buffer = io.BytesIO()
    pixels = np.clip(grey + 0.5, 0.0, 255.0).astype(np.uint8)
    Image.fromarray(pixels).save(buffer, "JPEG", quality=JPEG_QUALITY)
    return buffer.getvalue()


def dicom_bytes(
    grey: np.ndarray, dicom_id: str, subject_id: int, study_id: int, view: str, stamp: str, inverted: bool
) -> bytes:
    """A 12-bit DICOM of grey levels 0 to 255. inverted: MONOCHROME1, where small values are bright."""
    pixels = np.clip(grey * (4095.0 / 255.0) + 0.5, 0.0, 4095.0).astype(np.uint16)
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = UID(_DIGITAL_X_RAY)
    meta.MediaStorageSOPInstanceUID = UID(f"{_OWN_ROOT}.{int(dicom_id[:8], 16)}.{int(dicom_id[9:17], 16)}")
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    meta.ImplementationClassUID = UID(_OWN_ROOT)
    meta.ImplementationVersionName = "HILUM"
    data = FileDataset("", {}, file_meta=meta, preamble=b"\0" * 128)
    data.SOPClassUID, data.SOPInstanceUID = meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID
    data.Modality, data.PatientID, data.StudyID, data.ViewPosition = "DX", str(subject_id), str(study_id), view
    data.StudyDate, data.StudyTime = stamp[:8], stamp[8:]
    data.Rows, data.Columns = pixels.shape
    data.SamplesPerPixel, data.BitsAllocated, data.BitsStored, data.HighBit = 1, 16, 12, 11
    data.PixelRepresentation = 0
    data.PhotometricInterpretation = "MONOCHROME1" if inverted else "MONOCHROME2"
    data.PixelData = (4095 - pixels if inverted else pixels).astype("<u2").tobytes()
    data["PixelData"].VR = "OW"
    buffer = io.BytesIO()
    data.save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()


def csv_bytes(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> bytes:
    """A csv table with a header; None is an empty field."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(rows)
    return buffer.getvalue().encode("utf-8")


def gzip_bytes(content: bytes) -> bytes:
    """A gzip file of stored blocks, without time or name: its bytes do not depend on the zlib that is installed."""
    parts = [b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"]
    blocks = [content[at : at + 65535] for at in range(0, len(content), 65535)] or [b""]
    for number, block in enumerate(blocks):
        size = len(block)
        parts += [bytes([number == len(blocks) - 1]), size.to_bytes(2, "little"), (size ^ 0xFFFF).to_bytes(2, "little")]
        parts.append(block)
    parts += [zlib.crc32(content).to_bytes(4, "little"), (len(content) % 2**32).to_bytes(4, "little")]
    return b"".join(parts)
