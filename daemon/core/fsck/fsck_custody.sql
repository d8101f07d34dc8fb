-- Rules about cards that are out of use or out of sight: void, missing, found, on their way to headquarters.
-- What older schemas recorded before their migration knew no minutes and no letters, and is not judged by them.

-- rule void-has-minutes (I-9 note 4)
-- A void serial names the minutes and what became of its chip, and the portal is told.
SELECT b.serial, 'void without minutes, or with its chip undecided'
FROM blank b JOIN fsck_step s ON s.entity = 'blank' AND s.subject = b.serial AND s.event = 'void'
WHERE s.seq > (SELECT seq FROM fsck_migrated)
  AND (b.minutes IS NULL OR b.voided_at IS NULL OR b.chip_fate IS NULL)
UNION ALL
SELECT s.subject, 'void at audit row ' || s.seq || ' without telling the portal'
FROM fsck_step s
WHERE s.entity = 'blank' AND s.event = 'void' AND s.seq > (SELECT seq FROM fsck_migrated)
  AND NOT EXISTS(SELECT 1 FROM intent WHERE kind IN ('void', 'spoil') AND serial = s.subject)
UNION ALL
SELECT i.id, 'voids ' || coalesce(i.serial, 'no serial') || ', which is not void'
FROM intent i
WHERE i.kind = 'void'
  AND NOT EXISTS(SELECT 1 FROM fsck_step s WHERE s.entity = 'blank' AND s.subject = i.serial AND s.event = 'void');

-- rule void-tells-the-minutes (I-9 note 4)
-- What the portal is told of a void names the serial, the minutes and the two who signed.
SELECT i.id, 'void of ' || i.serial || ' differs from the ledger'
FROM (SELECT *, CAST(payload AS TEXT) AS said FROM intent WHERE kind = 'void') i
JOIN blank b ON b.serial = i.serial
WHERE CASE WHEN json_valid(said) THEN
             json_extract(said, '$.serial') IS NOT b.serial
             OR json_extract(said, '$.application') IS NOT b.application
             OR json_extract(said, '$.chip') IS NOT b.chip_fate
             OR json_extract(said, '$.minutes.number') IS NOT b.minutes
             OR json_extract(said, '$.minutes.sha256') IS NOT b.minutes_sha256
             OR NOT EXISTS(SELECT 1 FROM act a
                           WHERE a.kind = 'void' AND a.proposed_by = json_extract(said, '$.operators[0]')
                             AND a.confirmed_by = json_extract(said, '$.operators[1]')
                             AND json_extract(a.body, '$.serial') = b.serial)
           ELSE 1 END;

-- rule dispatch-has-letter (I-8.1.1)
-- A card on its way to headquarters, or there, names the letter it went with.
SELECT b.serial, 'is ' || b.state || ' without a letter'
FROM blank b JOIN fsck_step s ON s.entity = 'blank' AND s.subject = b.serial AND s.event = 'dispatch'
WHERE s.seq > (SELECT seq FROM fsck_migrated)
  AND (b.letter IS NULL OR b.dispatched_at IS NULL OR (b.state = 'at_hq' AND b.at_hq_at IS NULL));

-- rule custody-two-persons (DESIGN 1.8)
-- Missing, found, void, dispatched, arrived at headquarters: two people of two offices.
SELECT s.subject, s.event || ' at audit row ' || s.seq || ' by one person'
FROM fsck_step s
WHERE s.entity = 'blank' AND s.seq > (SELECT seq FROM fsck_migrated)
  AND (s.event IN ('miss', 'find', 'void', 'dispatch') OR (s.event = 'arrive' AND s.from_state = 'dispatched'))
  AND NOT EXISTS(SELECT 1 FROM act a
                 WHERE a.confirmed_by IS NOT NULL
                   AND CASE a.kind
                         WHEN 'missing' THEN s.event = 'miss' AND json_extract(a.body, '$.serial') = s.subject
                         WHEN 'unknown' THEN s.event = 'miss' AND json_extract(a.body, '$.intent') = s.intent
                         WHEN 'found' THEN s.event = 'find' AND json_extract(a.body, '$.serial') = s.subject
                         WHEN 'void' THEN s.event = 'void' AND json_extract(a.body, '$.serial') = s.subject
                         WHEN 'dispatch' THEN (s.event = 'arrive') = json_extract(a.body, '$.acknowledged')
                                              AND s.event IN ('dispatch', 'arrive')
                                              AND EXISTS(SELECT 1 FROM json_each(a.body, '$.serials')
                                                         WHERE value = s.subject)
                         ELSE 0 END);

-- rule stray-is-told (DESIGN 1.2)
-- The case of a stray card says what was scanned.
SELECT id, 'a stray card, and nothing that was scanned'
FROM dispute
WHERE kind = 'stray' AND (scanned IS NULL OR scanned = '');
