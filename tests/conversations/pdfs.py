"""PDF files, written by hand: good ones, and such as somebody makes who means harm."""

from __future__ import annotations

import io
import zlib

from pypdf import PdfWriter

CATALOG = b"<< /Type /Catalog /Pages 2 0 R >>"
FONT = b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>"


def said(*lines: str) -> bytes:
    """What draws these lines on a page."""
    shown = b" ".join(f"({line}) Tj 0 -20 Td".encode() for line in lines)
    return b"BT /F 12 Tf 72 700 Td %s ET" % shown


def pdf(*pages: bytes, squeezed: bool = False) -> bytes:
    """With these contents of its pages."""
    objects, kids = [CATALOG, b"", FONT], []
    for content in pages:
        kids.append(b"%d 0 R" % (len(objects) + 1))
        objects.append(page(b"/Font << /F 3 0 R >>", content=len(objects) + 2))
        squeeze = zlib.compress(content, 9) if squeezed else content
        objects.append(stream(squeeze, b"/Filter /FlateDecode" if squeezed else b""))
    objects[1] = b"<< /Type /Pages /Count %d /Kids [%s] >>" % (len(kids), b" ".join(kids))
    return of_objects(*objects)


def page(resources: bytes, content: int) -> bytes:
    return (
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Resources << %s >> /Contents %d 0 R >>"
    ) % (resources, content)  # fmt: skip


def stream(data: bytes, entries: bytes = b"") -> bytes:
    return b"<< /Length %d %s >>\nstream\n%s\nendstream" % (len(data), entries, data)


def of_objects(*objects: bytes) -> bytes:
    """The first is the catalogue; with a table of where each begins."""
    out, places = b"%PDF-1.7\n", []
    for number, body in enumerate(objects, 1):
        places.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    size, end = len(objects) + 1, len(out)
    return (
        out + b"xref\n0 %d\n0000000000 65535 f \n" % size + table
        + b"trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF" % (size, end)
    )  # fmt: skip


def locked(data: bytes, password: str) -> bytes:
    """One that opens with `password`; with "" for anybody, who then may not print it."""
    writer, out = PdfWriter(io.BytesIO(data)), io.BytesIO()
    writer.encrypt(password, "the owner's", algorithm="AES-256")
    writer.write(out)
    return out.getvalue()


def in_circles() -> dict[str, bytes]:
    """Pages that are in themselves, a drawing that draws itself, a table that comes before itself."""
    drawing = b"/Type /XObject /Subtype /Form /BBox [0 0 9 9] /Resources << /XObject << /X 4 0 R >> >>"
    plain = pdf(said("Still here"))
    return {
        "pages": of_objects(CATALOG, b"<< /Type /Pages /Count 3 /Kids [2 0 R 2 0 R] >>"),
        "drawing": of_objects(
            CATALOG,
            b"<< /Type /Pages /Count 1 /Kids [3 0 R] >>",
            page(b"/XObject << /X 4 0 R >>", content=5),
            stream(b"/X Do /X Do", drawing),
            stream(b"/X Do"),
        ),
        "table": plain.replace(b"/Root 1 0 R", b"/Root 1 0 R /Prev %d" % plain.index(b"xref\n")),
    }
