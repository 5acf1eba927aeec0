-- migration 1
-- A picture or file of a prompt, or one that a function returned, kept once however often it is used.
CREATE TABLE content (
    -- SHA-256 of data, in hexadecimal.
    hash TEXT PRIMARY KEY,
    data BLOB NOT NULL,
    thumbnail BLOB NOT NULL,
    size INTEGER NOT NULL,
    used_at REAL NOT NULL
);
CREATE INDEX content_used ON content (used_at);

-- Which runs have it; one that none has is deleted.
CREATE TABLE use (
    run TEXT NOT NULL,
    hash TEXT NOT NULL REFERENCES content (hash) ON DELETE CASCADE,
    PRIMARY KEY (run, hash)
) WITHOUT ROWID;
CREATE INDEX use_hash ON use (hash);
