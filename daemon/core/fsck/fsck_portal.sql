-- Rules about the portal's own ledger, judged when it was asked and no call is pending (`mohr fsck --portal`): both sides
-- tell the same. fsck_asked says since which audit row the portal was asked: calls done later it need not know yet.

-- rule portal-has-each-call (DESIGN 1.5, 5) portal
-- Each call that was done here stands in the portal's ledger, once and with the same bytes.
SELECT coalesce(c.serial, c.application, c.id),
       c.what || ' ' || c.id || ' is done here, ' || CASE WHEN e.key IS NULL THEN 'unknown to the portal'
                                                          ELSE 'another call at the portal' END
FROM fsck_call c
JOIN fsck_life f ON f.intent = c.id
JOIN fsck_asked q
LEFT JOIN fsck_effect e ON e.key = c.id
WHERE c.state = 'done' AND f.done <= q.seq
  AND (e.key IS NULL OR e.what <> c.what OR e.payload_sha256 IS NOT c.payload_sha256
       OR e.application IS NOT c.application OR e.serial IS NOT c.serial)
UNION ALL
SELECT coalesce(max(serial), max(application), key), 'the portal applied ' || key || ' ' || count(*) || ' times'
FROM fsck_effect
GROUP BY key
HAVING count(*) > 1;

-- rule station-has-each-effect (DESIGN 1.3, 5) portal
-- Each effect that the portal applied for this ledger was asked for by an intent, which is done.
SELECT coalesce(e.serial, e.application, e.key),
       'the portal applied ' || e.what || ' number ' || e.portal_seq || ', '
       || CASE WHEN c.id IS NULL THEN 'which nobody here asked for' ELSE 'which is ' || c.state || ' here' END
FROM fsck_effect e
JOIN fsck_asked q
LEFT JOIN fsck_call c ON c.id = e.key
WHERE e.what <> 'hello' AND e.portal_seq >= q.first AND c.state IS NOT 'done';

-- rule serials-agree (DESIGN 1.5, I-6.9) portal
-- A serial is registered, spoiled or void here exactly when it is issued, spoiled or void at the portal, for the same applicant;
-- what a former installation spoiled stands in the portal's ledger too.
SELECT e.serial, 'issued to ' || coalesce(e.application, 'nobody') || ' at the portal, here '
                 || CASE WHEN b.serial IS NULL THEN 'unknown'
                         ELSE b.state || ' for ' || coalesce(b.application, 'nobody')
                              || CASE b.registered WHEN 1 THEN '' ELSE ', not registered' END END
FROM fsck_effect e
JOIN fsck_asked q
LEFT JOIN blank b ON b.serial = e.serial
WHERE e.what = 'issuance' AND e.portal_seq >= q.first
  AND (b.registered IS NOT 1 OR b.application IS NOT e.application)
UNION ALL
SELECT e.serial, 'spoiled or void at the portal, here ' || coalesce(b.state, 'unknown')
FROM fsck_effect e
JOIN fsck_asked q
LEFT JOIN blank b ON b.serial = e.serial
WHERE e.what IN ('spoil', 'void') AND e.portal_seq >= q.first AND (b.state IS NULL OR b.state NOT IN fsck_absorbed)
UNION ALL
SELECT b.serial, 'spoiled elsewhere for ' || b.application || ', which the portal knows nothing of'
FROM blank b JOIN fsck_inherited h ON h.serial = b.serial JOIN fsck_asked q
WHERE h.seq <= q.seq
  AND NOT EXISTS(SELECT 1 FROM fsck_effect e
                 WHERE e.serial = b.serial AND e.application IS b.application AND e.what IN ('spoil', 'void'))
UNION ALL
SELECT b.serial, CASE i.kind WHEN 'report' THEN 'registered' ELSE 'spoiled or void' END || ' here, not at the portal'
FROM blank b
JOIN intent i ON i.serial = b.serial AND i.kind IN ('report', 'spoil', 'void') AND i.state = 'done'
JOIN fsck_life f ON f.intent = i.id
JOIN fsck_asked q
WHERE f.done <= q.seq
  AND NOT EXISTS(SELECT 1 FROM fsck_effect e
                 WHERE e.serial = b.serial
                   AND e.what = CASE i.kind WHEN 'report' THEN 'issuance' ELSE i.kind END);
