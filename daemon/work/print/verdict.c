#include "daemon/work/print/verdict.h"

/* The real backend reported success once, without being told to stop (that is recorded as 143).
 * completed: the ordinary case. canceled: CUPS was restarted, started the job again, and the gate refused that second
 * start with CANCEL; the card of the first start is out. none: a restarted CUPS lost the job. Both are prints. aborted
 * is a filter's failure: the backend may have been given half a document. Anything unfinished is a restarted job on its
 * way to being refused. */
static enum verdict_next next_done_well(const struct evidence *e)
{
        if (!e->cups_known)
                return VERDICT_SETTLE;
        if (e->history_missing)
                return VERDICT_UNKNOWN;
        switch (e->job) {
        case PRINT_JOB_COMPLETED:
        case PRINT_JOB_CANCELED:
        case PRINT_JOB_NONE:
                return VERDICT_PRINTED;
        case PRINT_JOB_ABORTED:
                return VERDICT_UNKNOWN;
        case PRINT_JOB_HELD:
        case PRINT_JOB_PENDING:
        case PRINT_JOB_PROCESSING:
        case PRINT_JOB_STOPPED:
                return VERDICT_SETTLE;
        }
        return VERDICT_UNKNOWN;
}

/* The gate has let nothing through (yet). */
static enum verdict_next next_unstarted(const struct evidence *e)
{
        if (!e->cups_known)
                return VERDICT_SETTLE;
        switch (e->job) {
        case PRINT_JOB_NONE:
        case PRINT_JOB_CANCELED:
        case PRINT_JOB_ABORTED:
                return e->behind_gate || e->job == PRINT_JOB_NONE ? VERDICT_REVOKE : VERDICT_UNKNOWN;
        case PRINT_JOB_COMPLETED: /* past the gate */
                return VERDICT_UNKNOWN;
        case PRINT_JOB_HELD:
                return VERDICT_WAIT;
        case PRINT_JOB_PENDING:
        case PRINT_JOB_PROCESSING:
        case PRINT_JOB_STOPPED:
                return e->behind_gate ? VERDICT_WAIT : VERDICT_UNKNOWN;
        }
        return VERDICT_UNKNOWN;
}

enum verdict_next verdict_next(const struct evidence *e)
{
        switch (e->gate.phase) {
        case GATE_DONE:
                return e->gate.result == GATE_EXIT_OK ? next_done_well(e) : VERDICT_UNKNOWN;
        case GATE_CONSUMED: /* without a result and without a process: nobody can tell how far the card got */
                return e->running ? VERDICT_WAIT : VERDICT_UNKNOWN;
        case GATE_NONE:
        case GATE_ISSUED:
        case GATE_REVOKED:
                return next_unstarted(e);
        }
        return VERDICT_UNKNOWN;
}
