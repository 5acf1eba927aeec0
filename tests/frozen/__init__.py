"""What the outside of glm_magic was at 0.1.0.dev0: names, files and pages that stay as they are.

These tests use only what a user has: public names, the magics, files and processes.

* ``data/`` was made once by version 0.1.0.dev0 and is never made again: it stands for files that
  users have.
* ``api.json``, ``help.json`` and ``schema.json`` are the form of the outside. A change there is a
  change for users: edit the file by hand, and say so in the changelog.
* ``messages.json`` holds sentences and ``pages.json`` saved pages, which may get better:
  ``python -m tests.frozen --write`` writes what the present code says.
"""
