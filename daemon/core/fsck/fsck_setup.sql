-- What the rules of fsck_cards.sql, fsck_order.sql and fsck_report.sql share, made in memory before the first of them.
PRAGMA temp_store = MEMORY;

DROP TABLE IF EXISTS temp.fsck_step;
DROP TABLE IF EXISTS temp.fsck_life;
DROP TABLE IF EXISTS temp.fsck_place;
DROP TABLE IF EXISTS temp.fsck_effect;
DROP TABLE IF EXISTS temp.fsck_asked;
DROP TABLE IF EXISTS temp.fsck_migrated;

-- The audit rows that move something.
CREATE TEMP TABLE fsck_step AS
  SELECT seq, entity, subject, event, from_state, to_state, intent, actor, boot_id
  FROM main.audit
  WHERE to_state IS NOT NULL OR event = 'worksheet';
CREATE INDEX temp.fsck_step_by_subject ON fsck_step(entity, subject, event, seq);
CREATE INDEX temp.fsck_step_by_seq ON fsck_step(seq);

-- Serials that a former installation of the station spoiled, as hello told.
CREATE TEMP VIEW IF NOT EXISTS fsck_inherited AS
  SELECT subject AS serial, seq FROM fsck_step
  WHERE entity = 'blank' AND to_state = 'spoiled' AND event IN ('born', 'spoiled_elsewhere');

-- The row of the last migration; 0: the ledger was made with this schema.
CREATE TEMP TABLE fsck_migrated AS
  SELECT coalesce(max(seq), 0) AS seq FROM main.audit WHERE entity = 'ledger' AND event = 'migrate';

-- When each intent was born and when its effect was recorded as done, as rows of the audit.
CREATE TEMP TABLE fsck_life(intent TEXT PRIMARY KEY, born INTEGER, done INTEGER) WITHOUT ROWID;
INSERT INTO fsck_life
  SELECT subject, min(seq) FILTER (WHERE event = 'born'), max(seq) FILTER (WHERE event = 'done')
  FROM fsck_step
  WHERE entity = 'intent'
  GROUP BY subject;

-- Every text that must be free of personal data, with the place it stands at. An audit row's place is its number.
CREATE TEMP VIEW IF NOT EXISTS fsck_text(place, subject, text) AS
  SELECT 'audit', seq, subject || ' ' || actor || ' ' || body FROM main.audit
  UNION ALL
  SELECT 'intent', id, coalesce(CAST(payload AS TEXT), '') || ' ' || coalesce(evidence, '') || ' ' || coalesce(result, '')
  FROM main.intent
  UNION ALL SELECT 'case', coalesce(serial, application, intent, id), coalesce(text, '') FROM main.dispute
  UNION ALL SELECT 'act', id, coalesce(body, '') FROM main.act
  UNION ALL SELECT 'cause', serial, cause_text FROM main.blank WHERE cause_text IS NOT NULL;

-- The states of a blank: does its card count as alive (DESIGN 1.1), is it spoiled or void for good (DESIGN 1.6)?
-- tests/unit/test-fsck.c compares them with daemon/core/ledger/machine.c.
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

-- The intents that are calls to the portal, in the portal's words.
CREATE TEMP VIEW IF NOT EXISTS fsck_call AS
  SELECT id, CASE kind WHEN 'report' THEN 'issuance' ELSE kind END AS what, state, application, serial, payload_sha256
  FROM main.intent
  WHERE payload_sha256 IS NOT NULL;

-- The portal's ledger, where it was read (fsck_portal.c), and one row about the asking: the last audit row before it, and
-- the first of the portal's numbers that concerns this ledger, for a new installation inherits what its forerunner did.
CREATE TEMP TABLE fsck_effect(portal_seq INTEGER, what TEXT, key TEXT, payload_sha256 TEXT, application TEXT, serial TEXT);
CREATE INDEX temp.fsck_effect_by_key ON fsck_effect(key);
CREATE INDEX temp.fsck_effect_by_serial ON fsck_effect(serial);
CREATE TEMP TABLE fsck_asked(seq INTEGER NOT NULL, first INTEGER NOT NULL);
