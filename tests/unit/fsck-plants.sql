-- Violations that tests/unit/test-fsck.c plants, each in its own copy of a healthy ledger with a card in every state
-- (fsck-ledger.c), with the triggers away and the CHECKs off. Blocks parted by empty lines:
--     -- plant RULE [breaks RULE...] [rechained]
-- breaks: rules that this violation breaks too. rechained: somebody clever computes the audit chain anew afterwards.
-- append(event, entity, subject, from, to, intent, actor, body) adds an audit row that continues the chain rightly;
-- reboot() adds one of another boot; the_intent(kind, serial or application) is an intent's id. The rules about
-- the portal are judged with the temporary table portal: what it says of the healthy ledger, or what the plant makes of it.

-- plant file-integrity
UPDATE blank SET line=NULL WHERE serial='SC-000008';

-- plant file-integrity breaks spoiled-chip-unverifiable unknown-is-not-closed verified-before-issued void-has-minutes
PRAGMA writable_schema=ON;
UPDATE sqlite_schema SET rootpage=(SELECT rootpage FROM sqlite_schema WHERE name='person_by_key')
WHERE name='intent_by_serial';

-- plant foreign-keys
INSERT INTO person VALUES('QM-9999', 'x', 'x', '1');

-- plant schema
DROP INDEX blank_by_place;

-- plant schema
CREATE TABLE note(text TEXT);

-- plant schema
INSERT INTO transition VALUES('blank', 'spoiled', 'mend', 'room');

-- plant schema
DELETE FROM transition WHERE event='verify';

-- plant audit-chain
UPDATE audit SET actor='p-other' WHERE event='approval' AND subject='QM-0007';

-- plant audit-chain
DELETE FROM audit WHERE event='approval' AND subject='QM-0007';

-- plant transitions-legal breaks state-has-audit
SELECT append('jump', 'blank', 'SC-000008', 'hopper', 'accepted', '', 'p-expert', '{}');

-- plant no-personal-data-in-audit
SELECT append('look', 'application', 'QM-0001', NULL, NULL, '', 'p-expert', '{"who":"0012345679"}');

-- plant no-personal-data-in-audit
SELECT append('look', 'application', 'QM-0001', NULL, NULL, '', 'p-expert', '{"who":"سارا محمدی"}');

-- plant no-personal-data-elsewhere
UPDATE intent SET evidence='{"holder":"0012345679"}' WHERE id=the_intent('print', 'SC-000001');

-- plant no-personal-data-elsewhere
UPDATE dispute SET text='سارا محمدی' WHERE kind='missing';

-- plant authorisation-bytes
UPDATE reissue SET jws=CAST('a.b.c' AS BLOB) WHERE id='R-1';

-- plant payload-hash breaks receipt-present
UPDATE intent SET payload_sha256=substr(payload_sha256, 2)||'0'
WHERE id=the_intent('claim', 'QM-0001');

-- plant payload-hash
UPDATE intent SET payload=CAST('{"epoch":2}' AS BLOB) WHERE id=the_intent('claim', 'QM-0001');

-- plant receipt-present breaks file-integrity
UPDATE intent SET receipt=NULL WHERE id=the_intent('report', 'SC-000001');

-- plant receipt-present
UPDATE intent SET receipt=(SELECT receipt FROM intent
WHERE id=the_intent('report', 'SC-000003'))
WHERE id=the_intent('report', 'SC-000001');

-- plant approval-bytes
UPDATE application SET approval=CAST('e.Zm9v.s' AS BLOB) WHERE id='QM-0007';

-- plant approval-bytes
UPDATE application SET data_sha256=approval_sha256 WHERE id='QM-0007';

-- plant photo-bytes
UPDATE photo SET bytes=CAST('another' AS BLOB)
WHERE sha256=(SELECT photo_sha256 FROM application WHERE id='QM-0007');

-- plant act-digest
UPDATE act SET body=replace(body, 'cards', 'tickets') WHERE kind='sort';

-- plant one-live-card breaks schema intent-before-effect intent-as-born
DROP INDEX one_live_card_per_application;
UPDATE card SET application='QM-0001', attempt=9 WHERE application='QM-0003';
UPDATE intent SET application='QM-0001' WHERE application='QM-0003';
UPDATE blank SET application='QM-0001' WHERE application='QM-0003';

-- plant conservation
SELECT append('born', 'blank', 'SC-000031', NULL, 'room', '', 'p-expert', '{}');

-- plant conservation breaks state-has-audit
INSERT INTO blank(serial, state) VALUES('SC-000032', 'room');

-- plant hopper-order
INSERT INTO blank(serial, state, line, position) VALUES('SC-000032', 'hopper', 'A', 8);
SELECT append('born', 'blank', 'SC-000032', NULL, 'room', '', 'p-expert', '{}');
SELECT append('load', 'blank', 'SC-000032', 'room', 'hopper', '', 'p-expert', '{}');

-- plant card-fits-blank
UPDATE blank SET application='QM-0007' WHERE serial='SC-000007';

-- plant card-fits-application
SELECT append('withdraw', 'application', 'QM-0003', 'bound', 'withdrawn', '', 'station', '{}');
UPDATE application SET state='withdrawn' WHERE id='QM-0003';

-- plant spoiled-absorbing breaks state-has-audit
UPDATE blank SET state='room', application=NULL, card=NULL WHERE serial='SC-000007';

-- plant spoiled-is-told breaks nothing-vanishes
DELETE FROM intent WHERE kind='spoil' AND serial='SC-000007';

-- plant spoiled-is-told
UPDATE blank SET spoiled_from='elsewhere' WHERE serial='SC-000007';

-- plant spoiled-chip-unverifiable
UPDATE blank SET chip_fate='unwritten' WHERE serial='SC-000002';

-- plant spoiled-chip-unverifiable breaks nothing-vanishes
DELETE FROM intent WHERE kind='lock' AND serial='SC-000002';

-- plant reissue-once breaks report-tells-the-card
UPDATE card SET reissue=NULL WHERE reissue='R-1';

-- plant reissue-once breaks authorisation-bytes
UPDATE reissue SET spoiled_serial='SC-000003' WHERE id='R-1';

-- plant chip-unique breaks schema
DROP INDEX one_serial_per_chip;
UPDATE blank SET chip_id=(SELECT chip_id FROM blank WHERE serial='SC-000001')
WHERE serial='SC-000005';

-- plant attempt-budget
UPDATE chip SET attempts=3 WHERE serial='SC-000001';

-- plant attempt-budget
DELETE FROM chip WHERE serial='SC-000001';

-- plant mismatch-parks
UPDATE chip SET mismatches=1 WHERE serial='SC-000001';

-- plant mismatch-parks
INSERT INTO line(name, mismatches) VALUES('A', 2);

-- plant missing-has-case
DELETE FROM dispute WHERE serial='SC-000005';

-- plant intent-before-effect breaks intent-as-born
UPDATE intent SET serial='SC-000003' WHERE id=the_intent('print', 'SC-000001');

-- plant running-is-this-boot
UPDATE intent SET state='running' WHERE id=the_intent('print', 'SC-000004');
SELECT append('repeat', 'intent', the_intent('print', 'SC-000004'), 'unknown', 'running', '', 'station', '{}');
SELECT reboot();

-- plant unknown-is-not-closed breaks file-integrity
UPDATE intent SET ended_at=1 WHERE id=the_intent('print', 'SC-000004');

-- plant unknown-is-not-closed
UPDATE intent SET state='failed', ended_at=1 WHERE id=the_intent('print', 'SC-000004');
SELECT append('fail', 'intent', the_intent('print', 'SC-000004'), 'unknown', 'failed', '', 'station', '{}');

-- plant effect-once
UPDATE intent SET card=(SELECT card FROM intent WHERE kind='print' AND serial='SC-000002'), application='QM-0002'
WHERE kind='print' AND serial='SC-000003';

-- plant effect-once breaks file-integrity unknown-is-not-closed inspected-before-write verified-before-issued state-has-audit
UPDATE intent SET state='unknown' WHERE kind='write' AND serial='SC-000001';
INSERT INTO intent(id, kind, state, application, card, serial, line, actor, role, boot_id, started_at, started_boot, ended_at)
  SELECT '11111111-1111-4111-8111-111111111111', kind, 'done', application, card, serial, line, actor, role, boot_id, 1, 1, 1
  FROM intent WHERE kind='write' AND serial='SC-000001';

-- plant repeated-where-refused-twice breaks state-has-audit
SELECT append('repeat', 'intent', the_intent('write', 'SC-000005'), 'unknown', 'running', '', 'station', '{}');

-- plant worksheet-before-print breaks audit-head rechained
UPDATE audit SET event='look' WHERE event='worksheet' AND subject='QM-0001';

-- plant begin-before-print breaks intent-before-effect nothing-vanishes
DELETE FROM intent WHERE id=the_intent('begin', 'QM-0003');

-- plant inspected-before-write breaks verified-before-issued transitions-legal audit-head rechained
UPDATE audit SET event='look' WHERE event='accept' AND subject='SC-000001';

-- plant verified-before-issued
UPDATE blank SET confirmed_by=NULL WHERE serial='SC-000001';

-- plant verified-before-issued breaks intent-before-effect intent-as-born
UPDATE intent SET kind='lock' WHERE id=the_intent('write', 'SC-000001');

-- plant two-persons breaks file-integrity
UPDATE act SET confirmed_office=proposed_office WHERE kind='sort';

-- plant two-persons
DELETE FROM act WHERE kind='sort';

-- plant two-persons breaks custody-two-persons
DELETE FROM act WHERE kind='unknown';

-- plant two-persons
UPDATE act SET confirmed_by='p-third' WHERE kind='sort';

-- plant two-persons
UPDATE act SET body='{}', digest='44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a' WHERE kind='sort';

-- plant acts-name-a-person breaks audit-head rechained
UPDATE audit SET actor='station' WHERE event='accept' AND subject='SC-000001';

-- plant acts-name-a-person
UPDATE card SET expert='station' WHERE application='QM-0003';

-- plant issued-has-report breaks registered-has-receipt nothing-vanishes
DELETE FROM intent WHERE kind='report' AND serial='SC-000001';

-- plant report-once breaks schema intent-as-born
DROP INDEX one_report_per_serial;
SELECT append('born', 'intent', '11111111-1111-4111-8111-111111111111', NULL, 'running', '', 'p-expert', '{}');
INSERT INTO intent(id, kind, state, application, card, serial, actor, role, payload, payload_sha256, boot_id,
  started_at, started_boot)
  SELECT '11111111-1111-4111-8111-111111111111', kind, 'running', application, card, serial, actor, role, payload,
  payload_sha256, boot_id, 1, 1 FROM intent
WHERE kind='report' AND serial='SC-000001';

-- plant report-tells-the-card
UPDATE blank SET sod_sha256='50e' WHERE serial='SC-000001';

-- plant report-tells-the-card
UPDATE card SET issue_date='2026-11-22' WHERE application='QM-0003';

-- plant registered-has-receipt
UPDATE blank SET registered=0 WHERE serial='SC-000001';

-- plant registered-has-receipt
UPDATE blank SET registered=1 WHERE serial='SC-000006';

-- plant registered-has-receipt
UPDATE blank SET registered=1 WHERE serial='SC-000006';
UPDATE intent SET evidence='{"portal":{"portal_seq":4}}' WHERE kind='report' AND serial='SC-000006';

-- plant case-closed-by-two
UPDATE dispute SET closed_at=9, closed_by='p-expert' WHERE kind='report';

-- plant delivered-is-registered
SELECT append('post', 'blank', 'SC-000006', 'issued', 'post', '', 'p-expert', '{}');
UPDATE blank SET state='post' WHERE serial='SC-000006';

-- plant refused-opens-case
DELETE FROM dispute WHERE kind='report';

-- plant refused-opens-case breaks audit-chain
UPDATE intent SET state='refused', receipt=NULL WHERE id=the_intent('spoil', 'SC-000007');
UPDATE audit SET event='refuse', to_state='refused'
WHERE entity='intent' AND event='done' AND subject=the_intent('spoil', 'SC-000007');

-- plant portal-number-once
UPDATE intent SET result=(SELECT result FROM intent WHERE id=the_intent('report', 'SC-000003'))
WHERE id=the_intent('report', 'SC-000001');

-- plant audit-head breaks payload-hash
UPDATE intent SET payload=CAST(replace(CAST(payload AS TEXT), '"seq":', '"seq":1') AS BLOB) WHERE kind='anchor';

-- plant audit-head breaks payload-hash
UPDATE intent SET payload=CAST('{"epoch":1}' AS BLOB) WHERE kind='anchor';

-- plant audit-head rechained
UPDATE audit SET t_wall=t_wall+1 WHERE seq=1;

-- plant state-has-audit
UPDATE blank SET state='room', line=NULL, position=NULL WHERE serial='SC-000008';

-- plant state-has-audit rechained
UPDATE audit SET from_state='room', event='come_out_unprinted', to_state='room' WHERE 0;
SELECT append('give_back', 'blank', 'SC-000008', 'room', 'transit', '', 'p-expert', '{}');
SELECT append('arrive', 'blank', 'SC-000008', 'transit', 'room', '', 'p-expert', '{}');
SELECT append('load', 'blank', 'SC-000008', 'room', 'hopper', '', 'p-expert', '{}');

-- plant nothing-vanishes
DELETE FROM intent WHERE kind='decide';

-- plant intent-as-born
UPDATE intent SET line='B' WHERE id=the_intent('print', 'SC-000001');

-- plant intent-as-born breaks audit-head rechained
UPDATE audit SET body='{}' WHERE entity='intent' AND event='born' AND subject=the_intent('print', 'SC-000001');

-- plant portal-has-each-call breaks serials-agree
DELETE FROM portal WHERE what='issuance' AND serial='SC-000001';

-- plant portal-has-each-call
UPDATE portal SET payload_sha256=substr(payload_sha256, 2)||'0' WHERE what='begin' AND application='QM-0003';

-- plant portal-has-each-call
INSERT INTO portal SELECT portal_seq+100, what, key, payload_sha256, application, serial FROM portal WHERE what='anchor';

-- plant station-has-each-effect
INSERT INTO portal VALUES(99, 'claim', 'nobody-knows', '', 'QM-0007', NULL);

-- plant station-has-each-effect breaks serials-agree
INSERT INTO portal SELECT 99, 'issuance', id, payload_sha256, application, serial FROM intent
WHERE kind='report' AND state='refused';

-- plant serials-agree breaks station-has-each-effect
INSERT INTO portal VALUES(99, 'spoil', 'nobody-knows', '', 'QM-0007', 'SC-000008');

-- plant serials-agree
SELECT append('born', 'blank', 'SC-000099', NULL, 'spoiled', '', 'station', '{}');
INSERT INTO card(id, application, attempt, line, face_code, issue_date, approval_sha256, layout_sha256, profile, qr_sha256, expert,
                 begun_at)
VALUES('K-99', 'QM-0007', 99, '', 'ZZZZZZZZ99', '2026-11-20', '', '', '', '', 'former-installation', 1);
INSERT INTO blank(serial, state, application, card, cause, cause_text, spoiled_at, spoiled_from)
VALUES('SC-000099', 'spoiled', 'QM-0007', 'K-99', 'other', '', 1, 'elsewhere');

-- plant serials-agree breaks registered-has-receipt
UPDATE blank SET registered=0 WHERE serial='SC-000001';

-- plant void-has-minutes breaks void-tells-the-minutes
UPDATE blank SET minutes=NULL, minutes_sha256=NULL WHERE serial='SC-000021';

-- plant void-has-minutes
UPDATE blank SET voided_at=NULL WHERE serial='SC-000021';

-- plant void-has-minutes breaks spoiled-chip-unverifiable void-tells-the-minutes
UPDATE blank SET chip_fate=NULL WHERE serial='SC-000021';

-- plant void-has-minutes breaks intent-as-born
UPDATE intent SET serial=NULL WHERE kind='void';

-- plant void-has-minutes breaks void-tells-the-minutes intent-as-born
UPDATE intent SET serial='SC-000001' WHERE kind='void';

-- plant void-tells-the-minutes
UPDATE blank SET minutes='M-8' WHERE serial='SC-000021';

-- plant void-tells-the-minutes breaks custody-two-persons
UPDATE act SET kind='found' WHERE kind='void';

-- plant dispatch-has-letter
UPDATE blank SET letter=NULL WHERE serial='SC-000022';

-- plant dispatch-has-letter
UPDATE blank SET at_hq_at=NULL WHERE serial='SC-000023';

-- plant custody-two-persons
DELETE FROM act WHERE kind='found';

-- plant custody-two-persons
DELETE FROM act WHERE kind='dispatch' AND json_extract(body, '$.acknowledged');

-- plant custody-two-persons
DELETE FROM act WHERE kind='dispatch' AND body LIKE '%SC-000022%';

-- plant stray-is-told
UPDATE dispute SET scanned=NULL WHERE kind='stray';

-- plant serials-agree breaks station-has-each-effect
INSERT INTO portal VALUES(99, 'void', 'nobody-knows', '', 'QM-0007', 'SC-000008');
