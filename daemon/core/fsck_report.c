/* Rules about what the portal is told. */
#include "daemon/core/fsck_inside.h"
#include "proto/base/cleanup.h"

#define BODY "CAST(i.payload AS TEXT)"
#define SAYS(key, value) "json_extract(" BODY ",'$." key "') IS NOT " value

const struct fsck_check fsck_report_checks[] = {
        { .rule = { "issued-has-report", "DESIGN 1.5, I-6.9", "Each issued serial is reported to the portal.", false },
          .sql = "SELECT s.subject, 'issued at audit row '||s.seq||' without a report' FROM fsck_step s WHERE "
                 "s.entity='blank' AND s.event='issue' AND NOT EXISTS(SELECT 1 FROM intent WHERE kind='report' AND "
                 "serial=s.subject)" },
        { .rule = { "report-once", "DESIGN 1.5, I-6.9", "A serial is reported once, and only at the end.", false },
          .sql = "SELECT serial, count(*)||' reports' FROM intent WHERE kind='report' GROUP BY serial HAVING "
                 "count(*)>1 "
                 "UNION ALL SELECT i.id, 'reports '||coalesce(i.serial,'no serial')||', which was not issued before' "
                 "FROM intent i WHERE i.kind='report' AND NOT EXISTS(SELECT 1 FROM fsck_step s WHERE s.entity='blank' "
                 "AND s.subject=i.serial AND s.event='issue' AND s.seq<(SELECT min(seq) FROM fsck_step WHERE entity="
                 "'intent' AND event='born' AND subject=i.id))" },
        { .rule = { "report-tells-the-card", "DESIGN 3",
                    "Begin and report name the face, date, serial and chip that the ledger has.", false },
          .sql = "SELECT i.id, 'report of '||i.serial||' differs from the ledger' FROM intent i JOIN blank b ON "
                 "b.serial=i.serial JOIN card k ON k.id=b.card WHERE i.kind='report' AND CASE WHEN json_valid(" BODY
                 ") THEN " SAYS("serial", "b.serial") " OR " SAYS("chip_id", "b.chip_id") " OR " SAYS(
                         "sod_sha256",
                         "b."
                         "so"
                         "d_"
                         "sh"
                         "a2"
                         "5"
                         "6") " OR " SAYS("face_code",
                                          "k.face_code") " OR " SAYS("issue_date",
                                                                     "k.issue_date") " OR " SAYS("expert",
                                                                                                 "k.expert") " ELSE 1 "
                                                                                                             "END "
                                                                                                             "UNION "
                                                                                                             "ALL "
                                                                                                             "SELECT "
                                                                                                             "i.id, "
                                                                                                             "'begin "
                                                                                                             "of "
                                                                                                             "'||i."
                                                                                                             "applicati"
                                                                                                             "on||' "
                                                                                                             "differs "
                                                                                                             "from its "
                                                                                                             "card' "
                                                                                                             "FROM "
                                                                                                             "intent i "
                                                                                                             "JOIN "
                                                                                                             "card k "
                                                                                                             "ON "
                                                                                                             "k.id=i."
                                                                                                             "card "
                                                                                                             "WHERE "
                                                                                                             "i.kind='"
                                                                                                             "begin' "
                                                                                                             "AND CASE "
                                                                                                             "WHEN "
                                                                                                             "json_"
                                                                                                             "valid"
                                                                                                             "(" BODY
                                                                                                             ") "
                                                                                                             "THEN"
                                                                                                             " " SAYS("face_code", "k.face_code") " OR " SAYS(
                                                                                                                     "i"
                                                                                                                     "s"
                                                                                                                     "s"
                                                                                                                     "u"
                                                                                                                     "e"
                                                                                                                     "_"
                                                                                                                     "d"
                                                                                                                     "a"
                                                                                                                     "t"
                                                                                                                     "e",
                                                                                                                     "k"
                                                                                                                     "."
                                                                                                                     "i"
                                                                                                                     "s"
                                                                                                                     "s"
                                                                                                                     "u"
                                                                                                                     "e"
                                                                                                                     "_"
                                                                                                                     "d"
                                                                                                                     "a"
                                                                                                                     "t"
                                                                                                                     "e") " OR " SAYS("authorisation",
                                                                                                                                      "k.reissue") " ELS"
                                                                                                                                                   "E 1 "
                                                                                                                                                   "EN"
                                                                                                                                                   "D" },
        { .rule = { "registered-has-receipt", "DESIGN 1.5",
                    "A serial counts as registered exactly when the portal receipted its report.", false },
          .sql = "SELECT serial, CASE registered WHEN 1 THEN 'registered without a done report' ELSE 'reported, yet "
                 "not "
                 "registered' END FROM blank b WHERE registered<>EXISTS(SELECT 1 FROM intent WHERE kind='report' AND "
                 "state='done' AND serial=b.serial)" },
        { .rule = { "delivered-is-registered", "DESIGN 1.5, I-7",
                    "Nothing is delivered before its serial is registered, or while its case is open.", false },
          .sql = "SELECT serial, 'is '||state||', but not registered' FROM blank WHERE state IN ('post','delivered') "
                 "AND "
                 "registered=0 UNION ALL SELECT b.serial, 'is '||b.state||' with an open case' FROM blank b JOIN "
                 "dispute d ON d.serial=b.serial WHERE b.state IN ('post','delivered') AND d.kind='report' AND "
                 "d.closed_at IS NULL" },
        { .rule = { "refused-opens-case", "DESIGN 1.5", "A report the portal refused has a case.", false },
          .sql = "SELECT id, 'refused report of '||coalesce(serial,'no serial')||' without a case' FROM intent i WHERE "
                 "kind='report' AND state='refused' AND NOT EXISTS(SELECT 1 FROM dispute WHERE intent=i.id)" },
        { .rule = { "audit-head", "DESIGN 1.9, 5", "The audit head told to the portal stands in the chain.", true },
          .sql = "SELECT i.id, 'told head '||substr(json_extract(" BODY ",'$.audit_head'),1,16)||' of row '||"
                 "json_extract(" BODY ",'$.audit_seq')||' is not in the chain' FROM intent i WHERE i.kind='report' AND "
                 "json_valid(" BODY ") AND NOT EXISTS(SELECT 1 FROM audit a WHERE a.seq=json_extract(" BODY
                 ",'$.audit_seq') AND a.hash=json_extract(" BODY ",'$.audit_head'))" },
        { .rule = { "state-has-audit", "DESIGN 1.9",
                    "The audit rows of each application, blank and intent lead without a gap to its present state.",
                    true },
          .sql = "SELECT subject, entity||': audit row '||seq||' begins at '||coalesce(from_state,'nothing')||', but "
                 "it "
                 "was '||coalesce(was,'nothing') FROM (SELECT seq, entity, subject, from_state, lag(to_state) OVER "
                 "(PARTITION BY entity, subject ORDER BY seq) AS was FROM fsck_step WHERE to_state IS NOT NULL) WHERE "
                 "from_state IS NOT was UNION ALL "
                 "SELECT e.id, e.entity||' is '||e.state||', its audit rows end at '||coalesce(s.to_state,'nothing') "
                 "FROM (SELECT 'application' AS entity, id, state FROM application UNION ALL SELECT 'blank', serial, "
                 "state FROM blank UNION ALL SELECT 'intent', id, state FROM intent) e LEFT JOIN fsck_step s ON "
                 "s.seq=(SELECT max(seq) FROM fsck_step WHERE entity=e.entity AND subject=e.id AND to_state IS NOT "
                 "NULL) WHERE s.to_state IS NOT e.state" },
};
const size_t fsck_n_report_checks = ARRAY_SIZE(fsck_report_checks);
