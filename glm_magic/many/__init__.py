"""One prompt over the rows of a table: read, planned, asked, kept on disk, made a table again."""
