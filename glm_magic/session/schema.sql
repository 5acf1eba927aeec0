-- migration 1
CREATE TABLE session (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    notebook TEXT NOT NULL,
    began_at REAL NOT NULL,
    used_at REAL NOT NULL,
    options TEXT NOT NULL
);
CREATE INDEX session_name ON session (name, used_at);
CREATE INDEX session_notebook ON session (notebook, used_at);

-- A slot comes after those that were made before it; it never moves.
CREATE TABLE slot (
    session TEXT NOT NULL REFERENCES session (id) ON DELETE CASCADE,
    id TEXT NOT NULL,
    made_at REAL NOT NULL,
    key TEXT NOT NULL,
    place INTEGER NOT NULL,
    hidden INTEGER NOT NULL,
    pinned INTEGER NOT NULL,
    gone INTEGER NOT NULL,
    PRIMARY KEY (session, id)
) WITHOUT ROWID;

-- Forks share runs, so a variant only names one.
CREATE TABLE variant (
    session TEXT NOT NULL,
    slot TEXT NOT NULL,
    number INTEGER NOT NULL,
    run TEXT NOT NULL,
    PRIMARY KEY (session, slot, number),
    FOREIGN KEY (session, slot) REFERENCES slot (session, id) ON DELETE CASCADE
) WITHOUT ROWID;
CREATE INDEX variant_run ON variant (run);

CREATE TABLE run (
    id TEXT PRIMARY KEY,
    basis TEXT NOT NULL,
    status TEXT NOT NULL,
    turn TEXT NOT NULL
);

-- What has arrived of a run that has not ended, a piece about every second.
CREATE TABLE piece (
    run TEXT NOT NULL REFERENCES run (id) ON DELETE CASCADE,
    number INTEGER NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (run, number)
) WITHOUT ROWID;

-- Numbers without text: they outlive the turns that they belong to.
CREATE TABLE call (
    run TEXT NOT NULL,
    step INTEGER NOT NULL,
    session TEXT NOT NULL,
    session_name TEXT NOT NULL,
    at REAL NOT NULL,
    day TEXT NOT NULL,
    provider TEXT NOT NULL,
    model TEXT NOT NULL,
    input INTEGER,
    output INTEGER,
    cached INTEGER,
    reasoning INTEGER,
    estimated INTEGER NOT NULL,
    amount TEXT,
    currency TEXT,
    PRIMARY KEY (run, step)
) WITHOUT ROWID;
CREATE INDEX call_day ON call (day);
CREATE INDEX call_session ON call (session);

CREATE TABLE setting (
    name TEXT PRIMARY KEY,
    value TEXT NOT NULL
);
