"""Texts of PDF files. Whoever made one may have meant harm, so each is read in a process of its own."""
