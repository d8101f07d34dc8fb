#include "daemon/core/custody/stock.h"
#include "daemon/core/ledger/act.h"
#include "proto/base/cleanup.h"
#include "proto/base/fault.h"
#include "proto/text/serial.h"
#include <string.h>

static int range_count(const char *from, const char *to, int64_t *ret, struct error *err)
{
        if (!serial_ok(from) || !serial_ok(to) || !serial_range_count(from, to, ret))
                return err_input(err, REASON_BAD_SERIAL, "%s to %s is no range of serials", from, to);
        if (*ret > STOCK_RANGE_MAX)
                return err_input(err, REASON_BAD_SERIAL, "more than %d serials at once", STOCK_RANGE_MAX);
        return 0;
}

static void add_one(struct ledger *l, const char *serial)
{
        char state[32];

        if (ledger_state(l, ENTITY_BLANK, serial, state, sizeof state)) {
                ledger_refuse(l, ERR_INPUT, REASON_SERIAL_USED, "serial %s is known already: %s", serial, state);
                return;
        }
        ledger_born(l, ENTITY_BLANK, serial, "room", NULL, NULL);
        ledger_run(l, "INSERT INTO blank(serial,state) VALUES(?1,'room')", "s", serial);
}

int stock_add(struct core *c, const struct who *who, const char *from, const char *to, int64_t *ret_count,
              struct error *err)
{
        char serial[SERIAL_TEXT_MAX];
        int64_t n;

        if (range_count(from, to, &n, err) < 0)
                return -1;
        ledger_begin(&c->ledger, who);
        for (int64_t i = 0; i < n && ledger_ok(&c->ledger); i++)
                if (serial_step(from, i, serial))
                        add_one(&c->ledger, serial);
        FAULT_COMMIT("core.stock_add");
        if (!core_commit(c, err))
                return -1;
        *ret_count = n;
        core_publish(c, "stock", NULL);
        return 0;
}

static void load_one(struct ledger *l, const char *line, const char *serial, int64_t position)
{
        char state[32] = "";

        if (!ledger_state(l, ENTITY_BLANK, serial, state, sizeof state))
                ledger_refuse(l, ERR_INPUT, REASON_SERIAL_NOT_HERE, "serial %s is not in the room's stock", serial);
        else if (strcmp(state, "room") != 0)
                ledger_refuse(l, ERR_INPUT, REASON_SERIAL_USED, "serial %s is %s", serial, state);
        ledger_move_set(l, ENTITY_BLANK, serial, "load", NULL, NULL,
                        "UPDATE blank SET state=?2, version=version+1, line=?3, position=?4 WHERE serial=?1", "si",
                        line, position);
}

int stock_load(struct line *line, const struct who *who, const char *from, const char *to, int64_t *ret_count,
               struct error *err)
{
        struct core *c = line->core;
        const char *name = line->config->name;
        bool down = line->config->feed == FEED_DESCENDING;
        char serial[SERIAL_TEXT_MAX];
        int64_t n, last;

        if (range_count(from, to, &n, err) < 0)
                return -1;
        ledger_begin(&c->ledger, who);
        last = ledger_get_int(&c->ledger, "SELECT coalesce(max(position),0) FROM blank WHERE line=?1", "s", name);
        for (int64_t i = 0; i < n && ledger_ok(&c->ledger); i++)
                if (serial_step(down ? to : from, down ? -i : i, serial))
                        load_one(&c->ledger, name, serial, last + 1 + i);
        FAULT_COMMIT("core.stock_load");
        if (!core_commit(c, err))
                return -1;
        *ret_count = n;
        line_tell(line);
        return 0;
}

static const char next_sql[] = "SELECT serial FROM blank WHERE state='hopper' AND line=?1 ORDER BY position LIMIT 1";

int stock_unload(struct line *line, const struct who *who, int64_t *ret_count, struct error *err)
{
        struct core *c = line->core;
        char serial[SERIAL_TEXT];
        int64_t n = 0;

        if (line->print_flow)
                return err_own(err, ERR_OPERATOR, REASON_LINE_BUSY, "line %s is printing", line->config->name);
        ledger_begin(&c->ledger, who);
        while (ledger_ok(&c->ledger) &&
               ledger_get_text(&c->ledger, serial, sizeof serial, next_sql, "s", line->config->name)) {
                ledger_move_set(
                        &c->ledger, ENTITY_BLANK, serial, "unload", NULL, NULL,
                        "UPDATE blank SET state=?2, version=version+1, line=NULL, position=NULL WHERE serial=?1", "");
                n++;
        }
        FAULT_COMMIT("core.stock_unload");
        if (!core_commit(c, err))
                return -1;
        *ret_count = n;
        line_tell(line);
        return 0;
}

/* ---- sorting after a double feed -------------------------------------------------------------------------------- */

static bool is_named(const struct sorted *cards, size_t n, const char *serial)
{
        for (size_t i = 0; i < n; i++)
                if (strcmp(cards[i].serial, serial) == 0)
                        return true;
        return false;
}

/* Every serial that has left the hopper, or is thought to lie in it before `next`, must have been scanned. */
static void check_complete(struct ledger *l, const char *line, const struct sorted *cards, size_t n, const char *next)
{
        int64_t end = INT64_MAX;
        struct db_rows rows;

        if (next[0]) {
                end = ledger_get_int(l, "SELECT position FROM blank WHERE serial=?1 AND line=?2 AND state='hopper'",
                                     "ss", next, line);
                if (end == 0) {
                        ledger_refuse(l, ERR_INPUT, REASON_SERIAL_NOT_HERE, "serial %s is not in this line's hopper",
                                      next);
                        return;
                }
        }
        if (!ledger_query(l, &rows,
                          "SELECT serial FROM blank WHERE line=?1 AND (state='printed' OR (state='hopper' AND "
                          "position<?2)) ORDER BY position",
                          "si", line, end))
                return;
        while (db_next(&rows)) {
                if (is_named(cards, n, db_text(&rows, 0)))
                        continue;
                ledger_refuse(l, ERR_INPUT, REASON_SERIAL_MISMATCH, "serial %s must be scanned too", db_text(&rows, 0));
                break;
        }
        db_rows_done(&rows);
}

static size_t times_named(const struct sorted *cards, size_t n, const struct sorted *card)
{
        size_t times = 0;

        for (size_t i = 0; i < n; i++)
                times += strcmp(cards[i].serial, card->serial) == 0 ||
                         (card->face[0] && strcmp(cards[i].face, card->face) == 0);
        return times;
}

/* A face can lie only on a card that was expected to carry it, among these, or that was thought not to exist. */
static void check_face(struct ledger *l, const char *line, const struct sorted *cards, size_t n,
                       const struct sorted *card)
{
        char carrier[SERIAL_TEXT] = "";

        if (ledger_get_int(l, "SELECT count(*) FROM card WHERE face_code=?1 AND line=?2", "ss", card->face, line) == 0)
                ledger_refuse(l, ERR_INPUT, REASON_FACE_MISMATCH, "face %s was not printed on line %s", card->face,
                              line);
        (void)ledger_get_text(l, carrier, sizeof carrier,
                              "SELECT b.serial FROM blank b JOIN card k ON b.card=k.id WHERE k.face_code=?1", "s",
                              card->face);
        if (carrier[0] && !is_named(cards, n, carrier))
                ledger_refuse(l, ERR_INPUT, REASON_FACE_MISMATCH, "face %s belongs to serial %s", card->face, carrier);
        if (!carrier[0] && ledger_get_int(l,
                                          "SELECT count(*) FROM card k JOIN application a ON a.id=k.application WHERE "
                                          "k.face_code=?1 AND a.state='bound'",
                                          "s", card->face) == 0)
                ledger_refuse(l, ERR_INPUT, REASON_FACE_MISMATCH, "face %s is no more in work", card->face);
}

static void check_card(struct ledger *l, const char *line, const struct sorted *cards, size_t n,
                       const struct sorted *card)
{
        char state[32] = "", at[CONFIG_NAME_MAX + 1] = "";

        if (!ledger_state(l, ENTITY_BLANK, card->serial, state, sizeof state))
                ledger_refuse(l, ERR_INPUT, REASON_SERIAL_NOT_HERE, "serial %s is not in the room's stock",
                              card->serial);
        else if (strcmp(state, "room") == 0 && card->face[0])
                (void)memcpy(at, line, strlen(line) + 1); /* it was loaded without the ledger's knowing */
        else if (strcmp(state, "printed") != 0 && strcmp(state, "hopper") != 0)
                ledger_refuse(l, ERR_INPUT, REASON_SERIAL_USED, "serial %s is %s", card->serial, state);
        if (!at[0])
                (void)ledger_get_text(l, at, sizeof at, "SELECT line FROM blank WHERE serial=?1", "s", card->serial);
        if (strcmp(at, line) != 0)
                ledger_refuse(l, ERR_INPUT, REASON_SERIAL_NOT_HERE, "serial %s is not of line %s", card->serial, line);
        if (times_named(cards, n, card) > 1)
                ledger_refuse(l, ERR_INPUT, REASON_BAD_REQUEST, "serial %s or its face is named twice", card->serial);
        if (card->face[0])
                check_face(l, line, cards, n, card);
}

/* First every card goes back to the room's shelf in the ledger, then each face takes the serial it stands on: the
 * one-card rules hold at every row, and the audit tells both steps. */
static void take_apart(struct ledger *l, const char *serial)
{
        char state[32] = "";

        if (ledger_state(l, ENTITY_BLANK, serial, state, sizeof state) && strcmp(state, "room") == 0)
                return;
        ledger_move_set(l, ENTITY_BLANK, serial, "come_out_unprinted", NULL, NULL,
                        "UPDATE blank SET state=?2, version=version+1, card=NULL, application=NULL, printed_at=NULL "
                        "WHERE serial=?1",
                        "");
}

static void bind_face(struct ledger *l, const char *line, const struct sorted *card)
{
        char id[UUID_TEXT] = "", application[APPLICATION_TEXT] = "";

        (void)ledger_get_text(l, id, sizeof id, "SELECT id FROM card WHERE face_code=?1", "s", card->face);
        (void)ledger_get_text(l, application, sizeof application, "SELECT application FROM card WHERE face_code=?1",
                              "s", card->face);
        ledger_move_set(l, ENTITY_BLANK, card->serial, "found_printed", NULL, NULL,
                        "UPDATE blank SET state=?2, version=version+1, card=?3, application=?4, printed_at=?5, "
                        "line=?6 WHERE serial=?1",
                        "ssis", id, application, clock_wall_ms(), line);
}

static json_t *sort_body(const char *line, const struct sorted *cards, size_t n, const char *next)
{
        json_t *list = json_array();

        for (size_t i = 0; i < n; i++)
                (void)json_array_append_new(list, json_pack("[s,s]", cards[i].serial, cards[i].face));
        return json_pack("{s:s,s:o,s:s}", "line", line, "cards", list, "next", next);
}

static bool any_unprinted(const struct sorted *cards, size_t n)
{
        for (size_t i = 0; i < n; i++)
                if (cards[i].face[0] == '\0')
                        return true;
        return false;
}

static void sort_apply(struct line *line, const struct sorted *cards, size_t n)
{
        struct ledger *l = &line->core->ledger;

        for (size_t i = 0; i < n; i++)
                take_apart(l, cards[i].serial);
        for (size_t i = 0; i < n; i++)
                if (cards[i].face[0])
                        bind_face(l, line->config->name, &cards[i]);
        for (size_t i = 0; i < n; i++)
                if (!cards[i].face[0])
                        ledger_run(l, "UPDATE blank SET line=NULL, position=NULL WHERE serial=?1", "s",
                                   cards[i].serial);
        line_release(line);
}

int stock_sort(struct line *line, const struct who *who, const struct sorted *cards, size_t n_cards, const char *next,
               bool *ret_second_needed, struct error *err)
{
        struct core *c = line->core;
        struct ledger *l = &c->ledger;
        cleanup(json_p) json_t *body = sort_body(line->config->name, cards, n_cards, next);
        enum act_turn turn = ACT_SECOND;

        if (line->print_flow)
                return err_own(err, ERR_OPERATOR, REASON_LINE_BUSY, "line %s is printing", line->config->name);
        ledger_begin(l, who);
        if (ledger_get_int(l, "SELECT count(*) FROM intent WHERE line=?1 AND kind='print' AND state='unknown'", "s",
                           line->config->name) > 0)
                ledger_refuse(l, ERR_UNKNOWN, REASON_UNKNOWN_OPEN, "settle the unknown print of line %s first",
                              line->config->name);
        check_complete(l, line->config->name, cards, n_cards, next);
        for (size_t i = 0; i < n_cards; i++)
                check_card(l, line->config->name, cards, n_cards, &cards[i]);
        if (ledger_ok(l) && any_unprinted(cards, n_cards))
                turn = act_turn(l, "sort", body);
        if (turn == ACT_SECOND)
                sort_apply(line, cards, n_cards);
        FAULT_COMMIT("core.stock_sort");
        if (!core_commit(c, err))
                return -1;
        *ret_second_needed = turn == ACT_FIRST;
        line_tell(line);
        return 0;
}
