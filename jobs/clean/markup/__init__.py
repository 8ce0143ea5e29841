"""Markup to plain text: parsed by libxml2, walked once, written as paragraphs, lists, table rows and listings."""
