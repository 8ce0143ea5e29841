"""Samples become token ids: text through a byte-pair encoding, media as placeholders for continuous features."""
