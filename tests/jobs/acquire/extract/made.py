"""PDF files written here, byte by byte; scans by Pillow."""

from __future__ import annotations

import io

import pypdfium2
from PIL import Image, ImageDraw


def pdf(*pages, title="", language="", width=612, height=792) -> bytes:
    """A PDF file: of each page the texts that are drawn, in that order, as (x, y, text), in Helvetica of 10 points."""
    objects = [b"", b"", b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>"]
    kids = []
    for page in pages:
        drawn = b"".join(
            b"BT /F1 10 Tf %d %d Td (%s) Tj ET\n"
            % (x, y, text.encode("cp1252").replace(b"(", b"\\(").replace(b")", b"\\)"))
            for x, y, text in page
        )
        objects.append(b"<< /Length %d >>\nstream\n%sendstream" % (len(drawn), drawn))
        objects.append(
            b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 %d %d] /Contents %d 0 R "
            b"/Resources << /Font << /F1 3 0 R >> >> >>" % (width, height, len(objects))
        )
        kids.append(len(objects))
    objects[0] = b"<< /Type /Catalog /Pages 2 0 R %s>>" % (b"/Lang (%s) " % language.encode() if language else b"")
    objects[1] = b"<< /Type /Pages /Count %d /Kids [%s] >>" % (len(kids), b" ".join(b"%d 0 R" % kid for kid in kids))
    objects.append(b"<< /Title (%s) >>" % title.encode())
    out = io.BytesIO()
    out.write(b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n")
    places = []
    for number, body in enumerate(objects, 1):
        places.append(out.tell())
        out.write(b"%d 0 obj\n%s\nendobj\n" % (number, body))
    table = out.tell()
    out.write(b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1))
    out.writelines(b"%010d 00000 n \n" % place for place in places)
    out.write(
        b"trailer << /Size %d /Root 1 0 R /Info %d 0 R >>\nstartxref\n%d\n%%%%EOF\n"
        % (len(objects) + 1, len(objects), table)
    )
    return out.getvalue()


def column(x, top, words, lines=8) -> list[tuple[int, int, str]]:
    """Lines of text, 12 points apart."""
    return [(x, top - 12 * line, f"{words} line {line} goes on with some more words") for line in range(lines)]


def scan(pages=1) -> bytes:
    """A PDF file of pictures of text."""
    pictures = []
    for _ in range(pages):
        picture = Image.new("L", (612, 792), 255)
        ImageDraw.Draw(picture).text((72, 72), "Text that is a picture", fill=0)
        pictures.append(picture)
    out = io.BytesIO()
    pictures[0].save(out, "PDF", save_all=True, append_images=pictures[1:])
    return out.getvalue()


def joined(*files) -> bytes:
    """Several PDF files as one."""
    whole = pypdfium2.PdfDocument.new()
    for file in files:
        whole.import_pages(pypdfium2.PdfDocument(file))
    out = io.BytesIO()
    whole.save(out)
    return out.getvalue()
