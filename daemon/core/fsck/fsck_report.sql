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
-- A serial counts as registered exactly when the portal receipted its report, or two people closed the case of a refused
-- one because the portal's own ledger shows it.
SELECT serial, CASE registered WHEN 1 THEN 'registered without a done report' ELSE 'reported, yet not registered' END
FROM blank b
WHERE registered <> EXISTS(SELECT 1 FROM intent r
                           WHERE r.kind = 'report' AND r.serial = b.serial
                             AND (r.state = 'done'
                                  OR (r.state = 'refused'
                                      AND json_extract(r.evidence, '$.portal.portal_seq') IS NOT NULL
                                      AND EXISTS(SELECT 1 FROM intent i
                                                 WHERE i.kind = 'decide' AND i.state = 'done' AND i.serial = r.serial
                                                   AND json_extract(i.result, '$.finding') = 'settle_issued'))));

-- rule delivered-is-registered (DESIGN 1.5, I-7)
-- Nothing is delivered before its serial is registered, or while its case is open.
SELECT serial, 'is ' || state || ', but not registered'
FROM blank
WHERE state IN ('post', 'delivered') AND registered = 0
UNION ALL
SELECT b.serial, 'is ' || b.state || ' with an open case'
FROM blank b JOIN dispute d ON d.serial = b.serial
WHERE b.state IN ('post', 'delivered') AND d.kind IN ('report', 'none_came_out') AND d.closed_at IS NULL;

-- rule refused-opens-case (DESIGN 1.5)
-- A report or spoil that the portal refused has a case, or its application was withdrawn by that answer.
SELECT id, 'refused ' || kind || ' of ' || coalesce(serial, 'no serial') || ' without a case'
FROM intent i
WHERE kind IN ('report', 'spoil') AND state = 'refused'
  AND NOT EXISTS(SELECT 1 FROM dispute WHERE intent = i.id)
  AND NOT EXISTS(SELECT 1 FROM fsck_step
                 WHERE kind = 'spoil' AND entity = 'application' AND subject = i.application
                   AND event = 'withdraw' AND intent = i.id);

-- rule portal-number-once (DESIGN 1.5, 5)
-- The portal numbers what it applies: no two calls were receipted under one number.
SELECT group_concat(id, ' '), 'both have the portal''s number ' || json_extract(result, '$.portal_seq')
FROM intent
WHERE state = 'done' AND json_valid(result) AND json_extract(result, '$.portal_seq') IS NOT NULL
GROUP BY json_extract(result, '$.portal_seq')
HAVING count(*) > 1;

-- rule case-closed-by-two (DESIGN 1.5, 1.8)
-- A case is closed by a finding of two people of two offices, as an audited decision.
SELECT d.id, d.kind || ' case closed without two people'
FROM dispute d
WHERE d.closed_at IS NOT NULL AND d.kind <> 'rebound'
  AND (NOT EXISTS(SELECT 1 FROM act a
                  WHERE a.kind = 'case' AND a.confirmed_by IS NOT NULL AND json_extract(a.body, '$.case') = d.id)
       OR NOT EXISTS(SELECT 1 FROM audit
                     WHERE entity = 'case' AND subject = CAST(d.id AS TEXT) AND event = 'case_closed'));

-- rule audit-head (DESIGN 1.9, 5) audit
-- Each audit head told to the portal, by whatever call, stands in the chain before that call.
SELECT i.id, i.kind || ' told head ' || coalesce(substr(i.head, 1, 16), 'none') || ' of row '
             || coalesce(i.seq, 'none') || ', which is not in the chain before it'
FROM (SELECT id, kind, coalesce(json_extract(said, '$.audit_head'), json_extract(said, '$.head')) AS head,
             coalesce(json_extract(said, '$.audit_seq'), json_extract(said, '$.seq')) AS seq
      FROM (SELECT id, kind, CAST(payload AS TEXT) AS said FROM intent WHERE payload IS NOT NULL)
      WHERE json_valid(said)) i
LEFT JOIN fsck_life f ON f.intent = i.id
WHERE (i.kind IN ('report', 'anchor') OR i.head IS NOT NULL)
  AND NOT EXISTS(SELECT 1 FROM audit a WHERE a.seq = i.seq AND a.hash = i.head AND a.seq < f.born);

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

-- rule nothing-vanishes (DESIGN 4) audit
-- Each application and intent that the audit saw born still has its row.
SELECT s.subject, s.entity || ' born at audit row ' || s.seq || ' is gone'
FROM fsck_step s
WHERE s.event = 'born'
  AND CASE s.entity WHEN 'application' THEN NOT EXISTS(SELECT 1 FROM application WHERE id = s.subject)
                    WHEN 'intent' THEN NOT EXISTS(SELECT 1 FROM intent WHERE id = s.subject) END;

-- rule intent-as-born (DESIGN 1.3, 1.9) audit
-- An intent is still for what the audit says it was born for: its kind, application, serial and line.
SELECT i.id, 'is ' || i.kind || ' for ' || coalesce(i.application, i.serial, i.line, 'nothing') || ', was born as '
             || coalesce(json_extract(a.body, '$.kind'), 'nothing') || ' at audit row ' || a.seq
FROM intent i
JOIN fsck_life f ON f.intent = i.id
JOIN audit a ON a.seq = f.born
WHERE CASE WHEN json_valid(a.body) THEN
             json_extract(a.body, '$.kind') IS NOT i.kind
             OR json_extract(a.body, '$.application') IS NOT i.application
             OR json_extract(a.body, '$.serial') IS NOT i.serial
             OR json_extract(a.body, '$.line') IS NOT i.line
           ELSE 1 END;
