"""Jobs, their receipts and their pictures over HTTP."""
