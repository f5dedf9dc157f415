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
  // Sums by day, so that a report does not add up a million records. A record is added to the sums of the day (UTC) on
  // which it ends. Their counts leave out the reservations whose GPUs were released on several days.
  `
  CREATE TABLE usage_by_day (
    day INTEGER NOT NULL,
    user TEXT NOT NULL,
    account TEXT NOT NULL,
    kind TEXT NOT NULL,
    ms INTEGER NOT NULL,
    reservations INTEGER NOT NULL,
    earliest_start INTEGER NOT NULL,
    PRIMARY KEY (day, user, account, kind)
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE ended_on_several_days (
    reservation TEXT NOT NULL PRIMARY KEY
  ) STRICT, WITHOUT ROWID;

  INSERT INTO ended_on_several_days
    SELECT reservation FROM history GROUP BY reservation
    HAVING min(ended_at) / 86400000 <> max(ended_at) / 86400000;

  INSERT INTO usage_by_day
    SELECT ended_at / 86400000, user, account, kind, sum(ended_at - started_at),
           count(DISTINCT reservation) FILTER (WHERE reservation NOT IN ended_on_several_days),
           min(started_at)
      FROM history GROUP BY 1, 2, 3, 4;

  CREATE TRIGGER history_adds_up AFTER INSERT ON history BEGIN
    UPDATE usage_by_day SET reservations = reservations - 1
     WHERE new.reservation NOT IN ended_on_several_days
       AND (day, user, account, kind) =
           (SELECT ended_at / 86400000, user, account, kind FROM history
             WHERE reservation = new.reservation
               AND ended_at / 86400000 <> new.ended_at / 86400000 LIMIT 1);

    INSERT OR IGNORE INTO ended_on_several_days
      SELECT reservation FROM history
       WHERE reservation = new.reservation AND ended_at / 86400000 <> new.ended_at / 86400000;

    INSERT INTO usage_by_day
      VALUES (new.ended_at / 86400000, new.user, new.account, new.kind, new.ended_at - new.started_at,
              NOT EXISTS (SELECT 1 FROM history
                           WHERE reservation = new.reservation AND gpu <> new.gpu),
              new.started_at)
      ON CONFLICT DO UPDATE SET ms = ms + excluded.ms,
                                reservations = reservations + excluded.reservations,
                                earliest_start = min(earliest_start, excluded.earliest_start);
  END;
  `,
  // The account that reset the pool, or released another account's reservation. The sums by day distinguish accounts by
  // uid: names change, and if the name service is late an account is recorded as `uid 1234`.
  `
  CREATE TABLE ended_by (
    reservation TEXT NOT NULL,
    gpu INTEGER NOT NULL,
    uid INTEGER NOT NULL,
    name TEXT NOT NULL,
    PRIMARY KEY (reservation, gpu)
  ) STRICT, WITHOUT ROWID;

  DROP TRIGGER history_adds_up;
  DROP TABLE usage_by_day;

  CREATE TABLE usage_by_day (
    day INTEGER NOT NULL,
    user TEXT NOT NULL,
    uid INTEGER NOT NULL,
    account TEXT NOT NULL,
    kind TEXT NOT NULL,
    ms INTEGER NOT NULL,
    reservations INTEGER NOT NULL,
    earliest_start INTEGER NOT NULL,
    PRIMARY KEY (day, user, uid, account, kind)
  ) STRICT, WITHOUT ROWID;

  INSERT INTO usage_by_day
    SELECT ended_at / 86400000, user, uid, account, kind, sum(ended_at - started_at),
           count(DISTINCT reservation) FILTER (WHERE reservation NOT IN ended_on_several_days),
           min(started_at)
      FROM history GROUP BY 1, 2, 3, 4, 5;

  CREATE TRIGGER history_adds_up AFTER INSERT ON history BEGIN
    UPDATE usage_by_day SET reservations = reservations - 1
     WHERE new.reservation NOT IN ended_on_several_days
       AND (day, user, uid, account, kind) =
           (SELECT ended_at / 86400000, user, uid, account, kind FROM history
             WHERE reservation = new.reservation
               AND ended_at / 86400000 <> new.ended_at / 86400000 LIMIT 1);

    INSERT OR IGNORE INTO ended_on_several_days
      SELECT reservation FROM history
       WHERE reservation = new.reservation AND ended_at / 86400000 <> new.ended_at / 86400000;

    INSERT INTO usage_by_day
      VALUES (new.ended_at / 86400000, new.user, new.uid, new.account, new.kind,
              new.ended_at - new.started_at,
              NOT EXISTS (SELECT 1 FROM history
                           WHERE reservation = new.reservation AND gpu <> new.gpu),
              new.started_at)
      ON CONFLICT DO UPDATE SET ms = ms + excluded.ms,
                                reservations = reservations + excluded.reservations,
                                earliest_start = min(earliest_start, excluded.earliest_start);
  END;
  `,
  // The views of the pool document of version 2. The program now adds up the sums by day instead of a trigger: see
  // `domain/ledger/day-sums.ts`.
  `
  DROP TRIGGER history_adds_up;

  DROP VIEW gpus;
  DROP VIEW reservations;
  DROP VIEW queue;

  CREATE VIEW gpus AS
    SELECT CAST(u.value ->> 'id' AS INTEGER) AS gpu,
           u.value ->> '$.device.name' AS name,
           u.value ->> '$.device.uuid' AS uuid,
           datetime((u.value ->> '$.lastUse.endedAt') / 1000, 'unixepoch') AS released_utc,
           (SELECT r.value ->> '$.owner.shownName' FROM json_each(pool.document, '$.reservations') r
             WHERE EXISTS (SELECT 1 FROM json_each(r.value, '$.holdings') h
                            WHERE h.value ->> 'unit' = u.value ->> 'id')) AS held_by
      FROM pool, json_each(pool.document, '$.units') u;

  CREATE VIEW reservations AS
    SELECT r.value ->> 'id' AS reservation,
           (SELECT json_group_array(CAST(h.value ->> 'unit' AS INTEGER))
              FROM json_each(r.value, '$.holdings') h) AS gpus,
           r.value ->> '$.owner.shownName' AS user,
           r.value ->> '$.owner.account.name' AS account,
           r.value ->> '$.term.kind' AS kind,
           datetime((r.value ->> 'startedAt') / 1000, 'unixepoch') AS started_utc,
           datetime((r.value ->> '$.term.expiresAt') / 1000, 'unixepoch') AS expires_utc,
           datetime((r.value ->> '$.term.heartbeatAt') / 1000, 'unixepoch') AS heartbeat_utc,
           r.value ->> '$.term.process.pid' AS pid,
           r.value ->> '$.term.command' AS command,
           r.value ->> 'note' AS note
      FROM pool, json_each(pool.document, '$.reservations') r;

  CREATE VIEW queue AS
    SELECT q.key + 1 AS position,
           q.value ->> '$.owner.shownName' AS user,
           q.value -> 'request' AS request,
           q.value ->> '$.term.kind' AS kind,
           datetime((q.value ->> 'joinedAt') / 1000, 'unixepoch') AS joined_utc,
           q.value ->> '$.process.pid' AS pid
      FROM pool, json_each(pool.document, '$.queue') q;
  `,
  // What administrators changed, in the order of the commits. `change` is JSON: `domain/ledger/audit.ts`.
  `
  CREATE TABLE audit (
    id INTEGER PRIMARY KEY,
    at INTEGER NOT NULL,
    uid INTEGER NOT NULL,
    account TEXT NOT NULL,
    login_uid INTEGER,
    login TEXT,
    change TEXT NOT NULL
  ) STRICT;
  `,
]
