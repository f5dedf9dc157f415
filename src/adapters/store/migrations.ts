/**
 * Each entry brings the database from version N (its index) to N + 1, inside one transaction. Never
 * change one that was released: add another. `PRAGMA user_version` holds the number applied.
 */
export const MIGRATIONS: readonly string[] = [
  `
  CREATE TABLE pool (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    turns TEXT NOT NULL,
    document TEXT NOT NULL
  ) STRICT;

  CREATE TABLE history (
    reservation TEXT NOT NULL,
    gpu INTEGER NOT NULL,
    host TEXT NOT NULL,
    user TEXT NOT NULL,
    uid INTEGER NOT NULL,
    account TEXT NOT NULL,
    kind TEXT NOT NULL,
    started_at INTEGER NOT NULL,
    ended_at INTEGER NOT NULL,
    outcome TEXT NOT NULL,
    note TEXT,
    UNIQUE (reservation, gpu)
  ) STRICT;

  CREATE INDEX history_by_end ON history (ended_at);

  CREATE VIEW gpus AS
    SELECT g.value ->> 'id' AS gpu,
           g.value ->> 'name' AS name,
           g.value ->> 'uuid' AS uuid,
           datetime((g.value ->> 'releasedAt') / 1000, 'unixepoch') AS released_utc,
           (SELECT r.value ->> 'user' FROM json_each(pool.document, '$.reservations') r
             WHERE EXISTS (SELECT 1 FROM json_each(r.value, '$.gpus') h
                            WHERE h.value = g.value ->> 'id')) AS held_by
      FROM pool, json_each(pool.document, '$.gpus') g;

  CREATE VIEW reservations AS
    SELECT r.value ->> 'id' AS reservation,
           r.value -> 'gpus' AS gpus,
           r.value ->> 'user' AS user,
           r.value ->> '$.account.name' AS account,
           r.value ->> 'kind' AS kind,
           datetime((r.value ->> 'startedAt') / 1000, 'unixepoch') AS started_utc,
           datetime((r.value ->> 'expiresAt') / 1000, 'unixepoch') AS expires_utc,
           datetime((r.value ->> 'heartbeatAt') / 1000, 'unixepoch') AS heartbeat_utc,
           r.value ->> '$.process.pid' AS pid,
           r.value ->> 'command' AS command,
           r.value ->> 'note' AS note
      FROM pool, json_each(pool.document, '$.reservations') r;

  CREATE VIEW queue AS
    SELECT q.key + 1 AS position,
           q.value ->> 'user' AS user,
           q.value -> 'request' AS request,
           q.value ->> 'kind' AS kind,
           datetime((q.value ->> 'joinedAt') / 1000, 'unixepoch') AS joined_utc,
           q.value ->> '$.process.pid' AS pid
      FROM pool, json_each(pool.document, '$.queue') q;
  `,
]
