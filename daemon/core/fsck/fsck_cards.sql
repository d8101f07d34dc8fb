-- Rules about cards, serials and chips as they stand now.
-- The form of these files is told in daemon/core/fsck/fsck_embed.py; the tables fsck_* are made by fsck_setup.sql.

-- rule one-live-card (DESIGN 1.1)
-- One approved application has at most one live card.
SELECT application, 'live cards: ' || group_concat(serial, ' ')
FROM blank
WHERE application IS NOT NULL AND state IN fsck_live
GROUP BY application
HAVING count(*) > 1;

-- rule conservation (DESIGN 1.2, I-3.9)
-- Each serial received is in exactly one place.
SELECT subject, 'received, but in no place'
FROM fsck_step s
WHERE entity = 'blank' AND event = 'born'
  AND NOT EXISTS(SELECT 1 FROM blank WHERE serial = s.subject)
UNION ALL
SELECT subject, 'received ' || count(*) || ' times'
FROM fsck_step
WHERE entity = 'blank' AND event = 'born'
GROUP BY subject
HAVING count(*) > 1
UNION ALL
SELECT serial, 'is ' || state || ', but was never received'
FROM blank b
WHERE NOT EXISTS(SELECT 1 FROM fsck_step WHERE entity = 'blank' AND subject = b.serial AND event = 'born')
UNION ALL
SELECT serial, 'no place is called ' || state
FROM blank
WHERE state NOT IN (SELECT state FROM fsck_place);

-- rule hopper-order (DESIGN 2, I-3.7)
-- No two blanks lie at one position of a hopper.
SELECT line, 'position ' || position || ': ' || group_concat(serial, ' ')
FROM blank
WHERE state = 'hopper'
GROUP BY line, position
HAVING count(*) > 1;

-- rule card-fits-blank (DESIGN 3)
-- A serial carries one card, and that of its own application.
SELECT b.serial, 'carries a card of ' || k.application || ' for ' || coalesce(b.application, 'nobody')
FROM blank b JOIN card k ON k.id = b.card
WHERE k.application IS NOT b.application
UNION ALL
SELECT card, 'stands on ' || group_concat(serial, ' ')
FROM blank
WHERE card IS NOT NULL
GROUP BY card
HAVING count(*) > 1
UNION ALL
SELECT i.id, i.kind || ' for ' || coalesce(i.application, 'nobody') || ' names a card of ' || k.application
FROM intent i JOIN card k ON k.id = i.card
WHERE i.application IS NOT k.application;

-- rule card-fits-application (DESIGN 3)
-- A live card's application is in production, issued or disputed; an issued one has its card.
SELECT b.serial, 'is ' || b.state || ' while application ' || a.id || ' is ' || a.state
FROM blank b JOIN application a ON a.id = b.application
WHERE b.state IN fsck_live AND a.state NOT IN ('bound', 'issued', 'delivered', 'disputed')
UNION ALL
SELECT a.id, 'is ' || a.state || ' without a card'
FROM application a
WHERE a.state IN ('issued', 'delivered')
  AND NOT EXISTS(SELECT 1 FROM blank b
                 WHERE b.application = a.id
                   AND b.state IN ('issued', 'post', 'delivered', 'returned', 'missing', 'found'));

-- rule spoiled-absorbing (DESIGN 1.6, I-8)
-- A spoiled or void serial never comes back.
SELECT subject, 'left ' || from_state || ' for ' || to_state || ' at audit row ' || seq
FROM fsck_step
WHERE entity = 'blank' AND from_state IN fsck_absorbed AND to_state NOT IN ('dispatched', 'at_hq')
UNION ALL
SELECT b.serial, 'was spoiled or void, and is ' || b.state
FROM blank b
WHERE b.state NOT IN fsck_absorbed
  AND EXISTS(SELECT 1 FROM fsck_step
             WHERE entity = 'blank' AND subject = b.serial AND to_state IN ('spoiled', 'void'));

-- rule spoiled-is-told (I-8)
-- Each spoiled serial is told to the portal with its cause; one that a former installation spoiled was told by the portal.
SELECT serial, 'spoiled (' || coalesce(cause, 'no cause') || ') without its report'
FROM blank b
WHERE b.spoiled_from IS NOT NULL
  AND NOT EXISTS(SELECT 1 FROM intent WHERE kind = 'spoil' AND serial = b.serial)
  AND b.serial NOT IN (SELECT serial FROM fsck_inherited)
UNION ALL
SELECT serial, 'spoiled ' || CASE spoiled_from WHEN 'elsewhere' THEN 'elsewhere, but the audit knows nothing of it'
                                               ELSE 'here, but elsewhere by the audit' END
FROM blank b
WHERE (spoiled_from IS 'elsewhere') <> (serial IN (SELECT serial FROM fsck_inherited))
UNION ALL
SELECT serial, 'spoiled without a cause'
FROM blank
WHERE state = 'spoiled' AND cause IS NULL;

-- rule spoiled-chip-unverifiable (DESIGN 1.6)
-- A spoiled card whose security object may stand on its chip was made unverifiable, or its serial is on the withdrawn
-- list.
SELECT serial, 'the chip holds ' || coalesce(substr(sod_sha256, 1, 16), 'an unknown object') || ' and is '
               || coalesce(chip_fate, 'undecided')
FROM blank b
WHERE state IN fsck_absorbed
  AND (sod_sha256 IS NOT NULL
       OR EXISTS(SELECT 1 FROM intent
                 WHERE kind = 'write' AND serial = b.serial AND step IN ('script', 'written', 'verified')))
  AND coalesce(chip_fate, '') NOT IN ('unverifiable', 'withdrawn_list')
UNION ALL
SELECT serial, 'called unverifiable without a done lock'
FROM blank b
WHERE chip_fate = 'unverifiable'
  AND NOT EXISTS(SELECT 1 FROM intent WHERE kind = 'lock' AND state = 'done' AND serial = b.serial);

-- rule reissue-once (DESIGN 1.6, I-8.1.2)
-- One spoiled serial buys at most one re-issue, authorised by headquarters.
SELECT reissue, 'used by ' || count(*) || ' cards'
FROM card
WHERE reissue IS NOT NULL
GROUP BY reissue
HAVING count(*) > 1
UNION ALL
SELECT spoiled_serial, count(*) || ' authorisations'
FROM reissue
GROUP BY spoiled_serial
HAVING count(*) > 1
UNION ALL
SELECT r.id, 'of ' || r.application || ', used for ' || k.application
FROM card k JOIN reissue r ON r.id = k.reissue
WHERE r.application <> k.application
UNION ALL
SELECT r.id, 'for serial ' || b.serial || ', which is ' || b.state || ' and of ' || coalesce(b.application, 'nobody')
FROM reissue r JOIN blank b ON b.serial = r.spoiled_serial
WHERE b.state NOT IN fsck_absorbed OR b.application IS NOT r.application
UNION ALL
SELECT n.serial, 'printed after the reported serial ' || b.serial || ' without its authorisation'
FROM blank b
JOIN card k ON k.id = b.card
JOIN card m ON m.application = k.application AND m.attempt > k.attempt
JOIN blank n ON n.card = m.id
WHERE b.state IN fsck_absorbed
  AND EXISTS(SELECT 1 FROM intent WHERE kind = 'report' AND serial = b.serial AND state <> 'refused')
  AND NOT EXISTS(SELECT 1 FROM card u JOIN reissue r ON r.id = u.reissue WHERE r.spoiled_serial = b.serial)
UNION ALL
SELECT s.subject, count(*) || ' new productions after an authorisation'
FROM fsck_step s
WHERE s.entity = 'application' AND s.event = 'bind' AND s.from_state = 'authorised'
GROUP BY s.subject
HAVING count(*) > (SELECT count(*) FROM card WHERE application = s.subject AND reissue IS NOT NULL);

-- rule chip-unique (DESIGN 3)
-- A chip belongs to one serial.
SELECT chip_id, 'in ' || group_concat(serial, ' ')
FROM blank
WHERE chip_id IS NOT NULL
GROUP BY chip_id
HAVING count(*) > 1;

-- rule attempt-budget (DESIGN 1.7)
-- A chip has at most two unfinished authentications (they are counted before they begin).
SELECT id, attempts || ' unfinished attempts'
FROM chip
WHERE attempts > 2
UNION ALL
SELECT b.chip_id, 'of ' || b.serial || ' was never counted'
FROM blank b
WHERE b.chip_id IS NOT NULL AND NOT EXISTS(SELECT 1 FROM chip WHERE id = b.chip_id);

-- rule mismatch-parks (DESIGN 1.7)
-- A chip that refused the key is parked; two such chips in a row hold the line.
SELECT id, mismatches || ' refused keys, not parked'
FROM chip
WHERE mismatches > 0 AND parked IS NULL
UNION ALL
SELECT name, mismatches || ' refused keys in a row, not held'
FROM line
WHERE mismatches >= 2 AND held IS NULL;

-- rule missing-has-case (DESIGN 1.8)
-- A missing card has a case.
SELECT serial, 'missing without a case'
FROM blank b
WHERE state = 'missing' AND NOT EXISTS(SELECT 1 FROM dispute WHERE serial = b.serial);
