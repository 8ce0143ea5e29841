"""Text of documents that are not text: PDF, manual pages, catalogues of translations."""
