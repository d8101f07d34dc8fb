-- Rules about the order of work (I-6.6 to I-6.9) and about intents, read from the audit rows.

-- rule intent-before-effect (DESIGN 1.3)
-- Each outside effect has its intent row before it.
SELECT s.subject, s.event || ' at audit row ' || s.seq || ' without an intent before it'
FROM fsck_step s
WHERE s.entity = 'blank' AND s.event IN ('start', 'printed', 'write', 'written', 'verify')
  AND NOT EXISTS(SELECT 1 FROM intent i JOIN fsck_life f ON f.intent = i.id
                 WHERE i.id = s.intent AND i.serial = s.subject AND f.born < s.seq
                   AND i.kind = CASE WHEN s.event IN ('start', 'printed') THEN 'print' ELSE 'write' END)
UNION ALL
SELECT s.subject, s.event || ' at audit row ' || s.seq || ' without an intent before it'
FROM fsck_step s
WHERE s.entity = 'application'
  AND (s.event = 'claim' OR (s.event = 'bind' AND s.from_state <> 'offered'))
  AND NOT EXISTS(SELECT 1 FROM intent i JOIN fsck_life f ON f.intent = i.id
                 WHERE i.id = s.intent AND i.application = s.subject AND f.born < s.seq
                   AND i.kind = CASE s.event WHEN 'claim' THEN 'claim' ELSE 'begin' END);

-- rule running-is-this-boot (DESIGN 1.4)
-- An intent that was running when the power went is unknown, not running.
SELECT i.id, i.kind || ' runs since another boot'
FROM intent i
JOIN fsck_step s ON s.seq = (SELECT max(seq) FROM fsck_step
                             WHERE entity = 'intent' AND subject = i.id AND event IN ('born', 'repeat'))
WHERE i.state = 'running' AND s.boot_id <> (SELECT boot_id FROM audit ORDER BY seq DESC LIMIT 1);

-- rule unknown-is-not-closed (DESIGN 1.4)
-- An open outcome stays open, and its card waits for it; no card waits for a closed one.
SELECT id, kind || ' is ' || state || ', and has an end'
FROM intent
WHERE state IN ('running', 'unknown') AND ended_at IS NOT NULL
UNION ALL
SELECT id, kind || ' is ' || state || ', and has no end'
FROM intent
WHERE state NOT IN ('running', 'unknown') AND ended_at IS NULL
UNION ALL
SELECT i.id, i.kind || ' is ' || i.state || ', but card ' || b.serial || ' is ' || b.state
FROM intent i JOIN blank b ON b.serial = i.serial
WHERE i.state IN ('running', 'unknown')
  AND ((i.kind = 'print' AND b.state <> 'printing')
       OR (i.kind = 'write' AND b.state NOT IN ('writing', 'written')))
UNION ALL
SELECT serial, 'is ' || state || ', but no such intent is open'
FROM blank b
WHERE state IN ('printing', 'writing', 'written')
  AND NOT EXISTS(SELECT 1 FROM intent
                 WHERE serial = b.serial AND state IN ('running', 'unknown')
                   AND kind = CASE b.state WHEN 'printing' THEN 'print' ELSE 'write' END);

-- rule effect-once (DESIGN 1.4)
-- No card is printed and no chip written twice, nor begun again while the first outcome is open or done.
SELECT card, count(*) || ' prints: ' || group_concat(state, ', ')
FROM intent
WHERE kind = 'print' AND state IN ('running', 'unknown', 'done')
GROUP BY card
HAVING count(*) > 1
UNION ALL
SELECT serial, count(*) || ' writes: ' || group_concat(state, ', ')
FROM intent
WHERE kind = 'write' AND state IN ('running', 'unknown', 'done')
GROUP BY serial
HAVING count(*) > 1;

-- rule repeated-where-refused-twice (DESIGN 1.4)
-- Only an effect whose last hop refuses duplicates was begun again after it was unknown.
SELECT s.subject, coalesce(i.kind, 'what nobody knows') || ' was repeated at audit row ' || s.seq
FROM fsck_step s LEFT JOIN intent i ON i.id = s.subject
WHERE s.entity = 'intent' AND s.event = 'repeat'
  AND i.payload IS NULL AND i.kind IS NOT 'print';

-- rule worksheet-before-print (I-6.6)
-- Each print was begun after the match with the worksheet was confirmed.
SELECT i.id, 'print for ' || coalesce(i.application, 'nobody') || ' without a confirmed worksheet'
FROM intent i LEFT JOIN fsck_life f ON f.intent = i.id
WHERE i.kind = 'print'
  AND NOT EXISTS(SELECT 1 FROM fsck_step w
                 WHERE w.entity = 'application' AND w.subject = i.application AND w.event = 'worksheet'
                   AND w.seq < f.born
                   AND w.seq > coalesce((SELECT max(seq) FROM fsck_step x
                                         WHERE x.entity = 'application' AND x.subject = i.application
                                           AND x.event = 'spoil' AND x.seq < f.born), 0));

-- rule begin-before-print (DESIGN 5)
-- Each print was begun after the portal had bound the application and receipted it.
SELECT i.id, 'print for ' || coalesce(i.application, 'nobody') || ' before its begin was done'
FROM intent i LEFT JOIN fsck_life f ON f.intent = i.id
WHERE i.kind = 'print'
  AND NOT EXISTS(SELECT 1 FROM intent g JOIN fsck_life e ON e.intent = g.id
                 WHERE g.application = i.application AND g.kind = 'begin' AND g.card = i.card
                   AND g.state = 'done' AND e.done < f.born);

-- rule inspected-before-write (I-6.7, I-6.8)
-- No chip is written before its print was accepted.
SELECT i.id, 'write of ' || coalesce(i.serial, 'no serial') || ' without an inspection'
FROM intent i LEFT JOIN fsck_life f ON f.intent = i.id
WHERE i.kind = 'write'
  AND NOT EXISTS(SELECT 1 FROM fsck_step s
                 WHERE s.entity = 'blank' AND s.subject = i.serial AND s.event = 'accept' AND s.seq < f.born);

-- rule verified-before-issued (I-6.8, I-6.9)
-- A card is issued only after print, inspection, write and verification.
SELECT s.subject, 'issued at audit row ' || s.seq || ' before it was verified'
FROM fsck_step s
WHERE s.entity = 'blank' AND s.event = 'issue'
  AND (NOT EXISTS(SELECT 1 FROM fsck_step v
                  WHERE v.entity = 'blank' AND v.subject = s.subject AND v.event = 'accept' AND v.seq < s.seq)
       OR NOT EXISTS(SELECT 1 FROM fsck_step v
                     WHERE v.entity = 'blank' AND v.subject = s.subject AND v.event = 'verify' AND v.seq < s.seq)
       OR NOT EXISTS(SELECT 1 FROM intent i JOIN fsck_life f ON f.intent = i.id
                     WHERE i.kind = 'write' AND i.serial = s.subject AND i.state = 'done' AND f.done < s.seq))
UNION ALL
SELECT serial, 'is ' || state || ' without acceptance, verification or confirmation'
FROM blank
WHERE state IN ('issued', 'post', 'delivered', 'returned')
  AND (accepted_by IS NULL OR verified_at IS NULL OR confirmed_by IS NULL OR printed_at IS NULL);

-- rule two-persons (DESIGN 1.8)
-- No card came out, a card lost, a blank back from a feed: two people of two offices.
SELECT id, kind || ' signed by ' || proposed_by || ' of ' || proposed_office || ' and ' || confirmed_by || ' of '
           || confirmed_office
FROM act
WHERE confirmed_by IS NOT NULL AND (confirmed_by = proposed_by OR confirmed_office = proposed_office)
UNION ALL
SELECT a.id, a.kind || ' was confirmed by nobody of the audit'
FROM act a
WHERE a.confirmed_by IS NOT NULL
  AND (NOT EXISTS(SELECT 1 FROM audit
                  WHERE entity = 'act' AND subject = a.id AND event = 'propose' AND actor = a.proposed_by
                    AND json_extract(body, '$.digest') = a.digest)
       OR NOT EXISTS(SELECT 1 FROM audit
                     WHERE entity = 'act' AND subject = a.id AND event = 'confirm' AND actor = a.confirmed_by))
UNION ALL
SELECT i.id, 'decided ' || json_extract(i.result, '$.answer') || ' by one person'
FROM intent i
WHERE i.kind = 'decide' AND json_extract(i.result, '$.answer') <> 'came_out'
  AND NOT EXISTS(SELECT 1 FROM act a
                 WHERE a.kind = 'unknown' AND a.confirmed_by IS NOT NULL
                   AND json_extract(a.body, '$.intent') = json_extract(i.result, '$.of')
                   AND json_extract(a.body, '$.answer') = json_extract(i.result, '$.answer'))
UNION ALL
SELECT s.subject, 'back from the feed at audit row ' || s.seq || ' by one person'
FROM fsck_step s
WHERE s.entity = 'blank' AND s.event = 'come_out_unprinted'
  AND coalesce((SELECT n.event FROM fsck_step n
                WHERE n.entity = 'blank' AND n.subject = s.subject AND n.seq > s.seq
                ORDER BY n.seq LIMIT 1), '') <> 'found_printed'
  AND NOT EXISTS(SELECT 1 FROM act a
                 WHERE a.kind = 'sort' AND a.confirmed_by IS NOT NULL
                   AND instr(a.body, '"' || s.subject || '"') > 0);

-- rule acts-name-a-person (I-6.6, I-6.9)
-- What people must do was done by a person, not the station. A card without a line was begun by a former installation.
SELECT subject, event || ' at audit row ' || seq || ' by ' || actor
FROM fsck_step
WHERE actor IN ('station', '')
  AND ((entity = 'blank' AND event IN ('load', 'accept', 'issue', 'spoil')) OR event = 'worksheet')
UNION ALL
SELECT id, 'card without a responsible expert'
FROM card
WHERE expert IN ('station', '')
  AND line <> '';
