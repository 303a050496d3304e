-- The ledger: facts and the hash tree over them. Rows are only ever added.
CREATE TABLE facts (
    sequence     INTEGER PRIMARY KEY,
    at_ms        INTEGER NOT NULL,
    actor_kind   TEXT NOT NULL,
    actor_name   TEXT NOT NULL,
    subject_kind TEXT NOT NULL,
    subject_name TEXT NOT NULL,
    parent       INTEGER REFERENCES facts (sequence),
    causes       TEXT NOT NULL,
    reason       TEXT NOT NULL,
    kind         TEXT NOT NULL,
    body         TEXT NOT NULL
) STRICT;
CREATE INDEX facts_by_subject ON facts (subject_kind, subject_name, sequence);
CREATE INDEX facts_by_actor ON facts (actor_kind, actor_name, sequence);
CREATE INDEX facts_by_kind ON facts (kind, sequence);

CREATE TRIGGER facts_are_not_changed BEFORE UPDATE ON facts
BEGIN SELECT RAISE(ABORT, 'facts are never changed'); END;
CREATE TRIGGER facts_are_not_removed BEFORE DELETE ON facts
BEGIN SELECT RAISE(ABORT, 'facts are never removed'); END;

-- Complete subtrees of the RFC 6962 tree: 2^level leaves each; level 0 is a fact's leaf hash.
CREATE TABLE tree_nodes (
    level    INTEGER NOT NULL,
    position INTEGER NOT NULL,
    hash     BLOB NOT NULL CHECK (length(hash) = 32),
    PRIMARY KEY (level, position)
) STRICT, WITHOUT ROWID;

-- Signed notes about the tree's first `size` facts.
CREATE TABLE checkpoints (
    size INTEGER PRIMARY KEY,
    note TEXT NOT NULL
) STRICT;

-- Who this ledger is: written once, at creation.
CREATE TABLE identity (
    name  TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT;

-- Views folded up to a fact. Not truth: they can be deleted and folded again.
CREATE TABLE views (
    name     TEXT PRIMARY KEY,
    sequence INTEGER NOT NULL,
    state    BLOB NOT NULL
) STRICT;

-- Small changeable rows that are not truth: caches, sealed secrets, cursors.
CREATE TABLE documents (
    namespace TEXT NOT NULL,
    key       TEXT NOT NULL,
    value     BLOB NOT NULL,
    PRIMARY KEY (namespace, key)
) STRICT;
