-- migration 1
-- One row of a table that was answered. Rows stay as they were written, but for `name` and `is_open`.
CREATE TABLE answer (
    id INTEGER PRIMARY KEY,
    run TEXT NOT NULL,
    -- Under which name it is kept for good; empty without one.
    name TEXT NOT NULL,
    -- What was asked about each row of the run, and how.
    template TEXT NOT NULL,
    -- What was asked about this row, and whom.
    key BLOB NOT NULL,
    -- Whether the run that it belongs to has not reached its end, so that the next one uses it.
    is_open INTEGER NOT NULL,
    at REAL NOT NULL,
    turn TEXT NOT NULL
);
CREATE INDEX answer_name ON answer (name, at);
CREATE INDEX answer_run ON answer (run);
CREATE INDEX answer_open ON answer (is_open) WHERE is_open = 1;
