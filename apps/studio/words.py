"""Words that several pages of the studio share."""

METADATA = (
    ("full", "Everything", "All parameters, so that this or another Atrium can make it again."),
    ("a1111", "As other tools write it", "The parameters as one text, which Automatic1111, Civitai and others read."),
    ("none", "Nothing", "The pixels alone: no prompt, no names, no times."),
    ("c2pa", "Signed", "A Content Credential, signed by this site, that says that a model made it. No prompt."),
    ("c2pa-full", "Everything, signed", "All parameters, and the Content Credential holds them as well."),
)
"""What a downloaded file tells of how it was made: value, name, and what it means."""
FORMATS = (("png", "PNG, exact"), ("jpeg", "JPEG"), ("webp", "WebP"))
