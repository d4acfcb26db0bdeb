"""Where the end user's browser enters: the page, its socket, and the upload of the final still."""
