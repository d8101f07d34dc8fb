/* mohr-audit-verify LEDGER [--anchors FILE]: exit 0 all good, 1 faults (each printed), 2 nothing can be said. */
#include "daemon/audit-verify/verify.h"
#include <getopt.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char usage[] = "usage: mohr-audit-verify [--anchors FILE] LEDGER\n"
                            "       mohr-audit-verify --version | --help\n";

void fault(struct verify *v, const char *where, const char *format, ...)
{
        va_list args;

        v->n_faults++;
        (void)printf("%s: ", where);
        va_start(args, format);
        (void)vprintf(format, args);
        va_end(args);
        (void)putchar('\n');
}

void fault_row(struct verify *v, int64_t seq, const char *format, ...)
{
        va_list args;

        v->n_faults++;
        (void)printf("row %" PRId64 ": ", seq);
        va_start(args, format);
        (void)vprintf(format, args);
        va_end(args);
        (void)putchar('\n');
}

void give_up(const char *format, ...)
{
        va_list args;

        (void)fflush(stdout);
        (void)fputs("mohr-audit-verify: ", stderr);
        va_start(args, format);
        (void)vfprintf(stderr, format, args);
        va_end(args);
        (void)fputc('\n', stderr);
        exit(2);
}

sqlite3_stmt *query(struct verify *v, const char *sql)
{
        sqlite3_stmt *s = NULL;

        if (sqlite3_prepare_v2(v->db, sql, -1, &s, NULL) != SQLITE_OK)
                give_up("the ledger cannot be read: %s", sqlite3_errmsg(v->db));
        return s;
}

bool next_row(struct verify *v, sqlite3_stmt *s)
{
        int r = sqlite3_step(s);

        if (r != SQLITE_ROW && r != SQLITE_DONE)
                give_up("the ledger cannot be read: %s", sqlite3_errmsg(v->db));
        return r == SQLITE_ROW;
}

static void open_ledger(struct verify *v, const char *path)
{
        if (sqlite3_open_v2(path, &v->db, SQLITE_OPEN_READONLY | SQLITE_OPEN_NOFOLLOW, NULL) != SQLITE_OK)
                give_up("%s: %s", path, sqlite3_errmsg(v->db));
        if (sqlite3_exec(v->db, "PRAGMA trusted_schema=OFF; PRAGMA cell_size_check=ON; BEGIN", NULL, NULL, NULL) !=
            SQLITE_OK)
                give_up("%s: %s", path, sqlite3_errmsg(v->db));
}

/* A view or another program's table could show anything. */
static void check_schema(struct verify *v)
{
        static const char sql[] = "SELECT count(*) FROM sqlite_schema WHERE type='table' AND name IN "
                                  "('audit','meta','transition','application','blank','intent')";
        sqlite3_stmt *s = query(v, sql);

        (void)next_row(v, s);
        if (sqlite3_column_int(s, 0) != 6)
                give_up("this is no ledger");
        (void)sqlite3_finalize(s);
}

static int verify(const char *ledger, const char *anchors)
{
        struct verify v = { .states = states_new() };

        open_ledger(&v, ledger);
        check_schema(&v);
        if (anchors)
                anchors_read(&v, anchors);
        check_chain(&v);
        check_states(&v);
        check_anchors(&v);
        check_told_heads(&v);
        (void)printf("%" PRId64 " rows, epoch %" PRId64 ", head %s at row %" PRId64 ", %zu anchors: ", v.n_rows,
                     v.epoch, v.head, v.seq, v.anchors.n);
        if (v.n_faults > 0)
                (void)printf("%" PRId64 " faults\n", v.n_faults);
        else
                (void)puts("good");
        states_free(v.states);
        anchors_free(&v.anchors);
        (void)sqlite3_close(v.db);
        return v.n_faults > 0 ? 1 : 0;
}

int main(int argc, char **argv)
{
        static const struct option options[] = {
                { "anchors", required_argument, NULL, 'a' },
                { "version", no_argument, NULL, 'v' },
                { "help", no_argument, NULL, 'h' },
                { NULL, 0, NULL, 0 },
        };
        const char *anchors = NULL;
        int o;

        while ((o = getopt_long(argc, argv, "", options, NULL)) != -1) {
                if (o == 'v')
                        return puts("mohr-audit-verify " MOHR_VERSION), 0;
                if (o != 'a') {
                        (void)fputs(usage, o == 'h' ? stdout : stderr);
                        return o == 'h' ? 0 : 2;
                }
                anchors = optarg;
        }
        if (optind + 1 != argc) {
                (void)fputs(usage, stderr);
                return 2;
        }
        return verify(argv[optind], anchors);
}
