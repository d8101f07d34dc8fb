-- What the rules of fsck_cards.sql, fsck_order.sql and fsck_report.sql share, made in memory before the first of them.
PRAGMA temp_store = MEMORY;

DROP TABLE IF EXISTS temp.fsck_step;
DROP TABLE IF EXISTS temp.fsck_life;
DROP TABLE IF EXISTS temp.fsck_place;

-- The audit rows that move something.
CREATE TEMP TABLE fsck_step AS
  SELECT seq, entity, subject, event, from_state, to_state, intent, actor, boot_id
  FROM main.audit
  WHERE to_state IS NOT NULL OR event = 'worksheet';
CREATE INDEX temp.fsck_step_by_subject ON fsck_step(entity, subject, event, seq);
CREATE INDEX temp.fsck_step_by_seq ON fsck_step(seq);

-- When each intent was born and when its effect was recorded as done, as rows of the audit.
CREATE TEMP TABLE fsck_life(intent TEXT PRIMARY KEY, born INTEGER, done INTEGER) WITHOUT ROWID;
INSERT INTO fsck_life
  SELECT subject, min(seq) FILTER (WHERE event = 'born'), max(seq) FILTER (WHERE event = 'done')
  FROM fsck_step
  WHERE entity = 'intent'
  GROUP BY subject;

-- The states of a blank: does its card count as alive (DESIGN 1.1), is it spoiled or void for good (DESIGN 1.6)?
-- tests/unit/test-fsck.c compares them with daemon/core/machine.c.
CREATE TEMP TABLE fsck_place(state TEXT PRIMARY KEY, live INTEGER NOT NULL, absorbed INTEGER NOT NULL) WITHOUT ROWID;
INSERT INTO fsck_place VALUES
  ('vault', 0, 0), ('transit', 0, 0), ('room', 0, 0), ('hopper', 0, 0),
  ('reserved', 1, 0), ('printing', 1, 0), ('printed', 1, 0), ('accepted', 1, 0),
  ('writing', 1, 0), ('written', 1, 0), ('verified', 1, 0), ('issued', 1, 0),
  ('post', 1, 0), ('delivered', 1, 0), ('returned', 1, 0),
  ('missing', 1, 0), ('found', 1, 0),
  ('spoiled', 0, 1), ('void', 0, 1), ('dispatched', 0, 1), ('at_hq', 0, 1);

CREATE TEMP VIEW IF NOT EXISTS fsck_live AS SELECT state FROM fsck_place WHERE live;
CREATE TEMP VIEW IF NOT EXISTS fsck_absorbed AS SELECT state FROM fsck_place WHERE absorbed;
