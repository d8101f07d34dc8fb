/* daemon/work/print/verdict and drivers/print/reasons: the table of evidence, whole, against the rules it was made
 * from: printed only on the gate's word of success that CUPS does not contradict; revocable only while the gate is
 * untouched. */
#include "daemon/work/print/verdict.h"
#include "drivers/print/reasons.h"
#include "tests/unit/test.h"

static struct evidence evidence(enum gate_phase phase, int result, bool running, enum print_job job)
{
        return (struct evidence){
                .gate = { phase, result }, .running = running, .cups_known = true, .job = job, .behind_gate = true
        };
}

static enum verdict_next next(enum gate_phase phase, int result, bool running, enum print_job job)
{
        struct evidence e = evidence(phase, result, running, job);

        return verdict_next(&e);
}

static void test_named_cases(void)
{
        CHECK(next(GATE_DONE, 0, false, PRINT_JOB_COMPLETED) == VERDICT_PRINTED);
        /* cupsd killed and started again in mid-card: the second start is refused with CANCEL */
        CHECK(next(GATE_DONE, 0, false, PRINT_JOB_CANCELED) == VERDICT_PRINTED);
        CHECK(next(GATE_DONE, 0, false, PRINT_JOB_NONE) == VERDICT_PRINTED);
        CHECK(next(GATE_DONE, 0, false, PRINT_JOB_PROCESSING) == VERDICT_SETTLE);
        CHECK(next(GATE_DONE, 0, false, PRINT_JOB_ABORTED) == VERDICT_UNKNOWN);
        CHECK(next(GATE_DONE, 1, false, PRINT_JOB_COMPLETED) == VERDICT_UNKNOWN);
        CHECK(next(GATE_DONE, 143, false, PRINT_JOB_CANCELED) == VERDICT_UNKNOWN);
        CHECK(next(GATE_CONSUMED, 0, true, PRINT_JOB_CANCELED) == VERDICT_WAIT);
        CHECK(next(GATE_CONSUMED, 0, false, PRINT_JOB_PROCESSING) == VERDICT_UNKNOWN);
        CHECK(next(GATE_ISSUED, 0, false, PRINT_JOB_HELD) == VERDICT_WAIT);
        CHECK(next(GATE_ISSUED, 0, false, PRINT_JOB_NONE) == VERDICT_REVOKE);
        CHECK(next(GATE_ISSUED, 0, false, PRINT_JOB_ABORTED) == VERDICT_REVOKE);
        CHECK(next(GATE_ISSUED, 0, false, PRINT_JOB_COMPLETED) == VERDICT_UNKNOWN);
}

static void check_row(const struct evidence *e)
{
        enum verdict_next v = verdict_next(e);
        bool good = e->gate.phase == GATE_DONE && e->gate.result == 0;
        bool touched = e->gate.phase == GATE_DONE || e->gate.phase == GATE_CONSUMED;

        CHECK(v != VERDICT_PRINTED || (good && e->cups_known && !e->history_missing));
        CHECK(v != VERDICT_REVOKE || (!touched && e->cups_known && e->job != PRINT_JOB_COMPLETED));
        CHECK(v != VERDICT_REVOKE || e->behind_gate || e->job == PRINT_JOB_NONE);
        CHECK(v != VERDICT_WAIT || !touched || e->running);
        CHECK(v != VERDICT_SETTLE || !e->cups_known || good);
}

static void test_rules(void)
{
        for (int i = 0; i < 5 * 8 * 16; i++) {
                for (int result = 0; result < 8; result++) {
                        struct evidence e =
                                evidence((enum gate_phase)(i % 5), result, i & 1, (enum print_job)(i / 5 % 8));

                        e.running = (i / 40) & 1;
                        e.cups_known = (i / 40) & 2;
                        e.history_missing = (i / 40) & 4;
                        e.behind_gate = (i / 40) & 8;
                        check_row(&e);
                }
        }
}

/* Keywords as CUPS 2.4.2 and its ipp backend were seen to report them. */
static void test_reasons(void)
{
        CHECK(reasons_map("media-jam-warning") == REASON_PRINTER_JAM && reasons_map("media-jam") == REASON_PRINTER_JAM);
        CHECK(reasons_map("marker-supply-empty-error") == REASON_RIBBON_OUT);
        CHECK(reasons_map("media-empty-warning") == REASON_PRINTER_EMPTY);
        CHECK(reasons_map("cover-open-warning") == REASON_PRINTER_COVER);
        CHECK(reasons_map("marker-supply-low-warning") == REASON_NONE && reasons_map("none") == REASON_NONE);
        CHECK(reasons_map("cups-waiting-for-job-completed") == REASON_NONE && reasons_map("-error") == REASON_NONE);
        CHECK(reasons_map("media-jam-cleared") == REASON_NONE && reasons_map("") == REASON_NONE);
        CHECK(reasons_history_missing("cups-ipp-missing-job-history"));
        CHECK(reasons_history_missing("cups-ipp-missing-job-history-report"));
        CHECK(!reasons_history_missing("cups-ipp-conformance-failure-report"));
}

int main(void)
{
        test_named_cases();
        test_rules();
        test_reasons();
        return 0;
}
