-- The ledger, schema 2. Wall-clock times are UTC milliseconds, *_boot times CLOCK_BOOTTIME milliseconds of one boot.
-- Personal data live in `person` and `photo` (and in the approval's bytes, purged with them); everything else holds ids and hashes.
-- The table `transition` is filled from daemon/core/ledger/machine.c; triggers refuse what it does not list (DESIGN 3, 4).

CREATE TABLE meta(
  key TEXT PRIMARY KEY, value TEXT NOT NULL
) STRICT;

CREATE TABLE transition(
  entity TEXT NOT NULL, from_state TEXT NOT NULL, event TEXT NOT NULL, to_state TEXT NOT NULL,
  PRIMARY KEY(entity, from_state, event)
) STRICT;
CREATE INDEX transition_step ON transition(entity, from_state, to_state);

-- One row per state change and per act of a person, hash-chained (daemon/core/ledger/audit.h). No personal data.
CREATE TABLE audit(
  seq INTEGER PRIMARY KEY,
  epoch INTEGER NOT NULL,
  prev TEXT NOT NULL CHECK(length(prev) = 64),
  hash TEXT NOT NULL UNIQUE CHECK(length(hash) = 64),
  boot_id TEXT NOT NULL, t_wall INTEGER NOT NULL, t_boot INTEGER NOT NULL,
  actor TEXT NOT NULL, role TEXT NOT NULL,
  event TEXT NOT NULL, entity TEXT NOT NULL, subject TEXT NOT NULL,
  from_state TEXT, to_state TEXT, intent TEXT,
  body TEXT NOT NULL
) STRICT;
CREATE TRIGGER audit_is_append_only_update BEFORE UPDATE ON audit BEGIN SELECT RAISE(ABORT, 'audit rows never change'); END;
CREATE TRIGGER audit_is_append_only_delete BEFORE DELETE ON audit BEGIN SELECT RAISE(ABORT, 'audit rows are never deleted'); END;
CREATE TRIGGER audit_is_in_sequence BEFORE INSERT ON audit
WHEN NEW.seq <> coalesce((SELECT max(seq) FROM audit), 0) + 1
BEGIN SELECT RAISE(ABORT, 'audit sequence broken'); END;

CREATE TABLE application(
  id TEXT PRIMARY KEY,
  state TEXT NOT NULL,
  version INTEGER NOT NULL DEFAULT 0,
  kind TEXT,                        -- new, renewal, replacement
  stage TEXT,                       -- of the portal, for one still in the chain
  waiting_for TEXT, deadline TEXT,
  refusal TEXT,                     -- reason word why it cannot be printed
  approval BLOB, approval_sha256 TEXT, data_sha256 TEXT, approval_seq INTEGER,
  photo_sha256 TEXT, certificate_no TEXT,
  fence INTEGER, lease_boot TEXT, lease_until_boot INTEGER,
  worksheet_no TEXT, worksheet_by TEXT, worksheet_at INTEGER,      -- I-6.6: number, who, when
  arrived_at INTEGER NOT NULL, closed_at INTEGER
) STRICT;
CREATE INDEX application_by_state ON application(state, arrived_at, id);
CREATE INDEX application_by_photo ON application(photo_sha256) WHERE photo_sha256 IS NOT NULL;

CREATE TABLE person(
  application TEXT PRIMARY KEY REFERENCES application(id),
  name TEXT NOT NULL, name_key TEXT NOT NULL, national_id TEXT NOT NULL
) STRICT;
CREATE INDEX person_by_key ON person(name_key);
CREATE INDEX person_by_national_id ON person(national_id);

CREATE TABLE photo(
  sha256 TEXT PRIMARY KEY, bytes BLOB NOT NULL
) STRICT;

-- HQ's authorisation to print again (I-8.1.2): one per spoiled serial, used by at most one card.
CREATE TABLE reissue(
  id TEXT PRIMARY KEY,
  application TEXT NOT NULL REFERENCES application(id),
  spoiled_serial TEXT NOT NULL UNIQUE REFERENCES blank(serial),
  jws BLOB NOT NULL, granted_at TEXT NOT NULL, received_at INTEGER NOT NULL
) STRICT;

-- The portal's signed withdrawn list, which verifiers honour (DESIGN 1.6); serials of other stations too.
CREATE TABLE withdrawn(
  serial TEXT PRIMARY KEY,
  at INTEGER NOT NULL, statement BLOB NOT NULL, received_at INTEGER NOT NULL
) STRICT;

-- One attempt to make one card for one application: its face code and what was fixed for it.
CREATE TABLE card(
  id TEXT PRIMARY KEY,
  application TEXT NOT NULL REFERENCES application(id),
  attempt INTEGER NOT NULL,
  line TEXT NOT NULL,
  face_code TEXT NOT NULL UNIQUE,
  issue_date TEXT NOT NULL,         -- Gregorian; fixed here for face, QR, chip and report (R2)
  approval_sha256 TEXT NOT NULL,
  layout_sha256 TEXT NOT NULL, profile TEXT NOT NULL, qr_sha256 TEXT NOT NULL,
  reissue TEXT UNIQUE REFERENCES reissue(id),
  expert TEXT NOT NULL,             -- the responsible issuance expert
  begun_at INTEGER NOT NULL,
  UNIQUE(application, attempt)
) STRICT;

-- One row per serial.
CREATE TABLE blank(
  serial TEXT PRIMARY KEY CHECK(length(serial) BETWEEN 6 AND 20),
  state TEXT NOT NULL,
  version INTEGER NOT NULL DEFAULT 0,
  line TEXT, position INTEGER,      -- order in that line's hopper
  application TEXT REFERENCES application(id),
  card TEXT REFERENCES card(id),
  chip_id TEXT, sod_sha256 TEXT,
  printed_at INTEGER, accepted_by TEXT, accepted_at INTEGER,
  written_at INTEGER, verified_at INTEGER, confirmed_by TEXT, issued_at INTEGER,
  registered INTEGER NOT NULL DEFAULT 0 CHECK(registered IN (0, 1)),       -- the portal has receipted the serial
  cause TEXT, cause_text TEXT, spoiled_at INTEGER, spoiled_from TEXT, -- 'elsewhere': by a former installation
  chip_fate TEXT CHECK(chip_fate IN ('unwritten', 'unverifiable', 'withdrawn_list')),
  minutes TEXT, minutes_sha256 TEXT, voided_at INTEGER,           -- the board's (I-9 note 4)
  letter TEXT, dispatched_at INTEGER, at_hq_at INTEGER,           -- the director general's (I-8.1.1)
  CHECK((minutes IS NULL) = (minutes_sha256 IS NULL)),
  CHECK((card IS NULL) = (application IS NULL)),
  CHECK(state NOT IN ('reserved', 'printing', 'printed', 'accepted', 'writing', 'written', 'verified', 'issued', 'delivered', 'post', 'returned') OR card IS NOT NULL),
  CHECK(state NOT IN ('vault', 'transit', 'room', 'hopper') OR card IS NULL),
  CHECK(state <> 'hopper' OR (line IS NOT NULL AND position IS NOT NULL)),
  CHECK(state NOT IN ('written', 'verified', 'issued', 'delivered', 'post', 'returned') OR (chip_id IS NOT NULL AND sod_sha256 IS NOT NULL)),
  CHECK(state <> 'spoiled' OR (cause IS NOT NULL AND spoiled_from IS NOT NULL AND (chip_fate IS NOT NULL OR spoiled_from = 'elsewhere')))
) STRICT;
CREATE UNIQUE INDEX one_live_card_per_application ON blank(application)
  WHERE application IS NOT NULL AND state IN ('reserved', 'printing', 'printed', 'accepted', 'writing', 'written', 'verified', 'issued', 'post', 'delivered', 'returned', 'missing', 'found');
CREATE UNIQUE INDEX one_serial_per_card ON blank(card) WHERE card IS NOT NULL;
CREATE UNIQUE INDEX one_serial_per_chip ON blank(chip_id) WHERE chip_id IS NOT NULL;
CREATE INDEX blank_by_place ON blank(state, line, position);
CREATE INDEX blank_by_application ON blank(application) WHERE application IS NOT NULL;

-- Per chip: attempts counted before each INITIALIZE UPDATE (DESIGN 1.7).
CREATE TABLE chip(
  id TEXT PRIMARY KEY, serial TEXT,
  attempts INTEGER NOT NULL DEFAULT 0, mismatches INTEGER NOT NULL DEFAULT 0,
  parked TEXT                       -- reason word
) STRICT;

CREATE TABLE line(
  name TEXT PRIMARY KEY,
  held TEXT, held_serial TEXT,      -- reason word; nothing prints while set
  mismatches INTEGER NOT NULL DEFAULT 0    -- consecutive refused keys: two stop the line
) STRICT;

-- Intent before effect (DESIGN 1.3): one row per outside effect, committed before it.
CREATE TABLE intent(
  id TEXT PRIMARY KEY CHECK(length(id) = 36),
  kind TEXT NOT NULL CHECK(kind IN ('claim', 'release', 'begin', 'print', 'write', 'lock', 'report', 'spoil', 'void', 'anchor', 'decide')),
  state TEXT NOT NULL,
  version INTEGER NOT NULL DEFAULT 0,
  application TEXT REFERENCES application(id), card TEXT REFERENCES card(id), serial TEXT REFERENCES blank(serial), line TEXT,
  actor TEXT NOT NULL, role TEXT NOT NULL,
  method TEXT, path TEXT, payload BLOB, payload_sha256 TEXT,       -- portal-bound: the exact bytes, for ever
  step TEXT,                        -- the last committed checkpoint
  boot_id TEXT NOT NULL, started_at INTEGER NOT NULL, started_boot INTEGER NOT NULL, ended_at INTEGER,
  tries INTEGER NOT NULL DEFAULT 0,
  evidence TEXT NOT NULL DEFAULT '{}', result TEXT, receipt BLOB, closed_by TEXT,
  CHECK((payload IS NULL) = (payload_sha256 IS NULL)),
  CHECK((state IN ('done', 'failed', 'refused')) = (ended_at IS NOT NULL)),
  CHECK(kind NOT IN ('report', 'spoil', 'void', 'claim', 'begin', 'release') OR payload IS NOT NULL),
  CHECK(kind NOT IN ('report', 'spoil', 'void', 'claim', 'begin') OR state <> 'done' OR receipt IS NOT NULL)
) STRICT;
CREATE INDEX intent_open ON intent(kind, started_at) WHERE state IN ('running', 'unknown');
CREATE INDEX intent_unknown ON intent(kind, started_at) WHERE state = 'unknown';
CREATE INDEX intent_running ON intent(started_at) WHERE state = 'running';
CREATE INDEX intent_by_serial ON intent(serial);
CREATE INDEX intent_by_application ON intent(application);
CREATE UNIQUE INDEX one_open_intent_per_application ON intent(kind, application)
  WHERE state IN ('running', 'unknown') AND kind IN ('claim', 'begin', 'print', 'write', 'report');
CREATE UNIQUE INDEX one_report_per_serial ON intent(serial) WHERE kind = 'report';
CREATE UNIQUE INDEX one_spoil_per_serial ON intent(serial) WHERE kind = 'spoil';
CREATE UNIQUE INDEX one_void_per_serial ON intent(serial) WHERE kind = 'void';

-- A two-person act waiting for its second confirmation (DESIGN 1.8): the digest covers the exact body.
CREATE TABLE act(
  id TEXT PRIMARY KEY, kind TEXT NOT NULL, body TEXT NOT NULL, digest TEXT NOT NULL,
  proposed_by TEXT NOT NULL, proposed_office TEXT NOT NULL, proposed_at INTEGER NOT NULL,
  confirmed_by TEXT, confirmed_office TEXT, confirmed_at INTEGER,
  CHECK((confirmed_by IS NULL) = (confirmed_at IS NULL)),
  CHECK(confirmed_by IS NULL OR (confirmed_by <> proposed_by AND confirmed_office <> proposed_office))
) STRICT;

-- A case for people: a contradictory answer, a withdrawal after print, a lost card, a stray one. What was scanned of a
-- stray card need not be a serial of ours.
CREATE TABLE dispute(
  id INTEGER PRIMARY KEY, kind TEXT NOT NULL,
  application TEXT REFERENCES application(id), serial TEXT REFERENCES blank(serial), intent TEXT REFERENCES intent(id),
  scanned TEXT, face_code TEXT, chip_id TEXT,
  text TEXT NOT NULL, opened_at INTEGER NOT NULL, closed_at INTEGER, closed_by TEXT
) STRICT;
CREATE UNIQUE INDEX one_stray_case ON dispute(scanned, coalesce(face_code, ''), coalesce(chip_id, ''))
  WHERE kind = 'stray' AND closed_at IS NULL;

CREATE TRIGGER blank_is_never_deleted BEFORE DELETE ON blank BEGIN SELECT RAISE(ABORT, 'serials are never deleted'); END;
CREATE TRIGGER intent_is_never_deleted BEFORE DELETE ON intent BEGIN SELECT RAISE(ABORT, 'intents are never deleted'); END;
CREATE TRIGGER card_is_never_deleted BEFORE DELETE ON card BEGIN SELECT RAISE(ABORT, 'cards are never deleted'); END;
CREATE TRIGGER reissue_is_never_deleted BEFORE DELETE ON reissue BEGIN SELECT RAISE(ABORT, 'authorisations are never deleted'); END;
CREATE TRIGGER payload_never_changes BEFORE UPDATE OF payload, payload_sha256, kind ON intent
WHEN NEW.payload IS NOT OLD.payload OR NEW.payload_sha256 IS NOT OLD.payload_sha256 OR NEW.kind <> OLD.kind
BEGIN SELECT RAISE(ABORT, 'an intent keeps its bytes'); END;
CREATE TRIGGER spoiled_serial_keeps_its_card BEFORE UPDATE OF card, chip_id ON blank
WHEN OLD.state IN ('spoiled', 'void', 'dispatched', 'at_hq', 'issued', 'delivered') AND (NEW.card IS NOT OLD.card OR NEW.chip_id IS NOT OLD.chip_id)
BEGIN SELECT RAISE(ABORT, 'this serial is bound for good'); END;
