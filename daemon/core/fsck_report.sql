-- Rules about what the portal is told, and about the audit rows that carry each state.

-- rule issued-has-report (DESIGN 1.5, I-6.9)
-- Each issued serial is reported to the portal.
SELECT s.subject, 'issued at audit row ' || s.seq || ' without a report'
FROM fsck_step s
WHERE s.entity = 'blank' AND s.event = 'issue'
  AND NOT EXISTS(SELECT 1 FROM intent WHERE kind = 'report' AND serial = s.subject);

-- rule report-once (DESIGN 1.5, I-6.9)
-- A serial is reported once, and only at the end.
SELECT serial, count(*) || ' reports'
FROM intent
WHERE kind = 'report'
GROUP BY serial
HAVING count(*) > 1
UNION ALL
SELECT i.id, 'reports ' || coalesce(i.serial, 'no serial') || ', which was not issued before'
FROM intent i LEFT JOIN fsck_life f ON f.intent = i.id
WHERE i.kind = 'report'
  AND NOT EXISTS(SELECT 1 FROM fsck_step s
                 WHERE s.entity = 'blank' AND s.subject = i.serial AND s.event = 'issue' AND s.seq < f.born);

-- rule report-tells-the-card (DESIGN 3)
-- Begin and report name the face, date, serial and chip that the ledger has.
SELECT i.id, 'report of ' || i.serial || ' differs from the ledger'
FROM (SELECT *, CAST(payload AS TEXT) AS said FROM intent WHERE kind = 'report') i
JOIN blank b ON b.serial = i.serial
JOIN card k ON k.id = b.card
WHERE CASE WHEN json_valid(said) THEN
             json_extract(said, '$.serial') IS NOT b.serial
             OR json_extract(said, '$.chip_id') IS NOT b.chip_id
             OR json_extract(said, '$.sod_sha256') IS NOT b.sod_sha256
             OR json_extract(said, '$.face_code') IS NOT k.face_code
             OR json_extract(said, '$.issue_date') IS NOT k.issue_date
             OR json_extract(said, '$.expert') IS NOT k.expert
           ELSE 1 END
UNION ALL
SELECT i.id, 'begin of ' || i.application || ' differs from its card'
FROM (SELECT *, CAST(payload AS TEXT) AS said FROM intent WHERE kind = 'begin') i
JOIN card k ON k.id = i.card
WHERE CASE WHEN json_valid(said) THEN
             json_extract(said, '$.face_code') IS NOT k.face_code
             OR json_extract(said, '$.issue_date') IS NOT k.issue_date
             OR json_extract(said, '$.authorisation') IS NOT k.reissue
           ELSE 1 END;

-- rule registered-has-receipt (DESIGN 1.5)
-- A serial counts as registered exactly when the portal receipted its report.
SELECT serial, CASE registered WHEN 1 THEN 'registered without a done report' ELSE 'reported, yet not registered' END
FROM blank b
WHERE registered <> EXISTS(SELECT 1 FROM intent WHERE kind = 'report' AND state = 'done' AND serial = b.serial);

-- rule delivered-is-registered (DESIGN 1.5, I-7)
-- Nothing is delivered before its serial is registered, or while its case is open.
SELECT serial, 'is ' || state || ', but not registered'
FROM blank
WHERE state IN ('post', 'delivered') AND registered = 0
UNION ALL
SELECT b.serial, 'is ' || b.state || ' with an open case'
FROM blank b JOIN dispute d ON d.serial = b.serial
WHERE b.state IN ('post', 'delivered') AND d.kind = 'report' AND d.closed_at IS NULL;

-- rule refused-opens-case (DESIGN 1.5)
-- A report the portal refused has a case.
SELECT id, 'refused report of ' || coalesce(serial, 'no serial') || ' without a case'
FROM intent i
WHERE kind = 'report' AND state = 'refused' AND NOT EXISTS(SELECT 1 FROM dispute WHERE intent = i.id);

-- rule audit-head (DESIGN 1.9, 5) audit
-- The audit head told to the portal stands in the chain.
SELECT i.id, 'told head ' || substr(json_extract(said, '$.audit_head'), 1, 16) || ' of row '
             || json_extract(said, '$.audit_seq') || ' is not in the chain'
FROM (SELECT id, CAST(payload AS TEXT) AS said FROM intent WHERE kind = 'report') i
WHERE json_valid(said)
  AND NOT EXISTS(SELECT 1 FROM audit a
                 WHERE a.seq = json_extract(said, '$.audit_seq') AND a.hash = json_extract(said, '$.audit_head'));

-- rule state-has-audit (DESIGN 1.9) audit
-- The audit rows of each application, blank and intent lead without a gap to its present state.
SELECT subject, entity || ': audit row ' || seq || ' begins at ' || coalesce(from_state, 'nothing') || ', but it was '
                || coalesce(was, 'nothing')
FROM (SELECT seq, entity, subject, from_state, lag(to_state) OVER (PARTITION BY entity, subject ORDER BY seq) AS was
      FROM fsck_step
      WHERE to_state IS NOT NULL)
WHERE from_state IS NOT was
UNION ALL
SELECT e.id, e.entity || ' is ' || e.state || ', its audit rows end at ' || coalesce(s.to_state, 'nothing')
FROM (SELECT 'application' AS entity, id, state FROM application
      UNION ALL SELECT 'blank', serial, state FROM blank
      UNION ALL SELECT 'intent', id, state FROM intent) e
LEFT JOIN fsck_step s ON s.seq = (SELECT max(seq) FROM fsck_step
                                  WHERE entity = e.entity AND subject = e.id AND to_state IS NOT NULL)
WHERE s.to_state IS NOT e.state;
