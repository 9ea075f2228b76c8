"""A small XMP packet that says, in IPTC's words, that a model made the picture.

IPTC Photo Metadata Standard: “Digital Source Type”, and since 2025.1 “AI System Used” and “AI System Version Used”.
"""

from __future__ import annotations

from xml.sax.saxutils import quoteattr

from engine.pictures.origin import GENERATOR, Origin

PNG_NAME = "XML:com.adobe.xmp"
PACKET = """<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
<rdf:Description rdf:about="" xmlns:xmp="http://ns.adobe.com/xap/1.0/" \
xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/" {attributes}/>
</rdf:RDF></x:xmpmeta>
<?xpacket end="r"?>"""


def packet(origin: Origin, *, with_model: bool) -> str:
    told = {"xmp:CreatorTool": GENERATOR, "Iptc4xmpExt:DigitalSourceType": origin.source_type}
    if with_model:
        told |= {"Iptc4xmpExt:AISystemUsed": origin.model, "Iptc4xmpExt:AISystemVersionUsed": origin.digest}
    return PACKET.format(attributes=" ".join(f"{name}={quoteattr(_printable(text))}" for name, text in told.items()))


def _printable(text: str) -> str:
    """Characters that XML can't hold are left out."""
    return "".join(character for character in text if character.isprintable())
