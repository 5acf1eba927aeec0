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

-- migration 2
-- Rows that were given to a provider as a batch, which goes on while no kernel runs.
CREATE TABLE batch (
    id TEXT PRIMARY KEY,
    at REAL NOT NULL,
    -- The run of its answers, and under which name they are kept.
    run TEXT NOT NULL,
    name TEXT NOT NULL,
    template TEXT NOT NULL,
    -- The prompt as it was written.
    written TEXT NOT NULL,
    -- What the rows were: texts or records.
    kind TEXT NOT NULL,
    -- The JSON schema of the answers; empty without one.
    schema TEXT NOT NULL
);
-- One batch as the provider has it; a call that passes the provider's limits has several.
CREATE TABLE batch_part (
    batch TEXT NOT NULL,
    number INTEGER NOT NULL,
    provider TEXT NOT NULL,
    model TEXT NOT NULL,
    base_url TEXT NOT NULL,
    -- The provider's word; before there is one: unsent, sending, unknown; of a file: written.
    state TEXT NOT NULL,
    -- The provider's id; empty before it is known.
    remote TEXT NOT NULL,
    sent_at REAL NOT NULL,
    lines INTEGER NOT NULL,
    completed INTEGER NOT NULL,
    failed INTEGER NOT NULL,
    problem TEXT NOT NULL,
    is_collected INTEGER NOT NULL,
    PRIMARY KEY (batch, number)
);
CREATE TABLE batch_row (
    batch TEXT NOT NULL,
    number INTEGER NOT NULL,
    -- The part that it was sent with; NULL where it was not to be sent.
    part INTEGER,
    -- As that of its answer; empty where no request about it could be made.
    key BLOB NOT NULL,
    body TEXT NOT NULL,
    record TEXT NOT NULL,
    answer INTEGER,
    problem TEXT NOT NULL,
    PRIMARY KEY (batch, number)
);
CREATE INDEX batch_row_part ON batch_row (batch, part);
CREATE INDEX batch_row_key ON batch_row (key);
