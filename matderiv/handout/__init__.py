"""Documents for people: blocks of text and formulas, texts in each language, file formats."""
