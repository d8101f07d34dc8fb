#include "daemon/core/custody/custody.h"
#include "daemon/core/desk/cases.h"
#include "daemon/core/ledger/act.h"
#include "proto/base/cleanup.h"
#include "proto/base/fault.h"
#include "proto/text/persian.h"
#include <stdio.h>
#include <string.h>

static bool is_unknown(struct core *c, const char *serial, const char *kind)
{
        return ledger_get_int(&c->ledger, "SELECT count(*) FROM intent WHERE serial=?1 AND state='unknown' AND kind=?2",
                              "ss", serial, kind) > 0;
}

/* Nothing is running on the card and no outcome is open. */
static int check_rests(struct core *c, const char *serial, struct error *err)
{
        if (spoil_in_work(c, serial))
                return err_own(err, ERR_OPERATOR, REASON_LINE_BUSY, "card %s is in work; wait for its outcome", serial);
        if (is_unknown(c, serial, "print") || is_unknown(c, serial, "write") || is_unknown(c, serial, "lock"))
                return err_own(err, ERR_UNKNOWN, REASON_UNKNOWN_OPEN,
                               "the outcome of %s is unknown; answer at the desk: mohr unknown", serial);
        return 0;
}

static int check_event(struct core *c, const char *serial, const char *event, const char *doing, struct error *err)
{
        char state[32] = "";

        if (!ledger_state(&c->ledger, ENTITY_BLANK, serial, state, sizeof state))
                return err_input(err, REASON_SERIAL_NOT_HERE, "serial %s is not in the room's stock", serial);
        if (!machine_next(ENTITY_BLANK, state, event))
                return err_input(err, REASON_WRONG_STATE, "serial %s is %s and cannot be %s", serial, state, doing);
        return check_rests(c, serial, err);
}

/* ---- missing and found --------------------------------------------------------------------------------------------
 */

static void go_missing(struct ledger *l, const char *serial)
{
        char application[APPLICATION_TEXT] = "";

        (void)ledger_get_text(l, application, sizeof application, "SELECT application FROM blank WHERE serial=?1", "s",
                              serial);
        ledger_move(l, ENTITY_BLANK, serial, "miss", NULL, NULL);
        case_open(l, "missing", application[0] ? application : NULL, serial, NULL,
                  application[0] ? "the card cannot be found; it counts as live until headquarters voids its serial"
                                 : "the blank cannot be found; headquarters must void its serial");
}

int custody_missing(struct core *c, const struct who *who, const char *serial, bool *ret_second_needed,
                    struct error *err)
{
        cleanup(json_p) json_t *body = json_pack("{s:s}", "serial", serial);
        enum act_turn turn;

        if (check_event(c, serial, "miss", "missing", err) < 0)
                return -1;
        ledger_begin(&c->ledger, who);
        turn = act_turn(&c->ledger, "missing", body);
        if (turn == ACT_SECOND)
                go_missing(&c->ledger, serial);
        FAULT_COMMIT("core.missing");
        if (!core_commit(c, err))
                return -1;
        *ret_second_needed = turn == ACT_FIRST;
        core_publish(c, "blank", json_pack("{s:s}", "serial", serial));
        return 0;
}

static int find_again(struct core *c, const struct who *who, const char *serial, enum found *ret, struct error *err)
{
        cleanup(json_p) json_t *body = json_pack("{s:s}", "serial", serial);
        enum act_turn turn;

        ledger_begin(&c->ledger, who);
        turn = act_turn(&c->ledger, "found", body);
        if (turn == ACT_SECOND)
                ledger_move(&c->ledger, ENTITY_BLANK, serial, "find", NULL, NULL);
        FAULT_COMMIT("core.found");
        if (!core_commit(c, err))
                return -1;
        *ret = turn == ACT_FIRST ? FOUND_SECOND_NEEDED : FOUND_AGAIN;
        core_publish(c, "blank", json_pack("{s:s}", "serial", serial));
        return 0;
}

/* The open case of the very same finding; 0: none. */
static int64_t same_stray(struct ledger *l, const struct found_ask *ask)
{
        return ledger_get_int(l,
                              "SELECT id FROM dispute WHERE kind='stray' AND closed_at IS NULL AND scanned=?1 AND "
                              "coalesce(face_code,'')=?2 AND coalesce(chip_id,'')=?3",
                              "sss", ask->scanned, ask->face, ask->chip_id);
}

static void open_stray(struct ledger *l, const struct found_ask *ask, const char *state)
{
        char application[APPLICATION_TEXT] = "", text[160];

        if (state[0])
                (void)snprintf(text, sizeof text, "a card lies where it should not; the ledger has its serial as %s",
                               state);
        else
                (void)snprintf(text, sizeof text, "a card lies here whose serial the ledger does not know");
        (void)ledger_get_text(l, application, sizeof application, "SELECT application FROM blank WHERE serial=?1", "s",
                              ask->scanned);
        case_open(l, "stray", ledger_or_null(application), state[0] ? ask->scanned : NULL, NULL, text);
        ledger_run(l, "UPDATE dispute SET scanned=?1, face_code=?2, chip_id=?3 WHERE id=(SELECT max(id) FROM dispute)",
                   "sss", ask->scanned, ledger_or_null(ask->face), ledger_or_null(ask->chip_id));
}

static int stray(struct core *c, const struct who *who, const struct found_ask *ask, const char *state, enum found *ret,
                 int64_t *ret_case, struct error *err)
{
        struct ledger *l = &c->ledger;

        *ret = FOUND_STRAY;
        *ret_case = same_stray(l, ask);
        if (*ret_case > 0)
                return 0;
        ledger_begin(l, who);
        open_stray(l, ask, state);
        FAULT_COMMIT("core.stray");
        if (!core_commit(c, err))
                return -1;
        *ret_case = same_stray(l, ask);
        core_publish(c, "case", json_pack("{s:I}", "case", (json_int_t)*ret_case));
        return 0;
}

/* Fed along with another, or loaded without the ledger's knowing: every card since is to be scanned. Always -1. */
static int hold(struct core *c, const struct who *who, const char *name, const char *serial, struct error *err)
{
        struct line *line = line_by_name(c, name);

        ledger_begin(&c->ledger, who);
        if (line)
                line_hold(line, REASON_SERIAL_MISMATCH, serial);
        FAULT_COMMIT("core.found_hold");
        if (!core_commit(c, err))
                return -1;
        if (line)
                line_tell(line);
        return err_input(err, REASON_SERIAL_MISMATCH,
                         "blank %s should lie in stock: line %s holds; scan every card that came out: mohr sort",
                         serial, name);
}

/* The face's own line and card. */
struct shown_face {
        char line[CONFIG_NAME_MAX + 1], card[UUID_TEXT];
};

static bool read_face(struct ledger *l, const char *face, struct shown_face *ret)
{
        *ret = (struct shown_face){ 0 };
        return face[0] &&
               ledger_get_text(l, ret->line, sizeof ret->line, "SELECT line FROM card WHERE face_code=?1", "s", face) &&
               ledger_get_text(l, ret->card, sizeof ret->card, "SELECT id FROM card WHERE face_code=?1", "s", face);
}

static bool is_one_of(const char *state, const char *const *states)
{
        for (; *states; states++)
                if (strcmp(state, *states) == 0)
                        return true;
        return false;
}

/* Stock that came out of the hopper by itself. */
static int found_stock(struct core *c, const struct who *who, const struct found_ask *ask, const char *state,
                       enum found *ret, int64_t *ret_case, struct error *err)
{
        char line[CONFIG_NAME_MAX + 1] = "";
        struct shown_face face;

        if (ask->face[0] && !read_face(&c->ledger, ask->face, &face))
                return stray(c, who, ask, state, ret, ret_case, err);
        if (ask->face[0])
                return hold(c, who, face.line, ask->scanned, err);
        if (strcmp(state, "room") == 0)
                return err_input(err, REASON_WRONG_STATE, "blank %s is in the room's stock: put it on the shelf",
                                 ask->scanned);
        (void)ledger_get_text(&c->ledger, line, sizeof line, "SELECT line FROM blank WHERE serial=?1", "s",
                              ask->scanned);
        return hold(c, who, line, ask->scanned, err);
}

/* Its way goes on elsewhere; a face that is not its own is told as a double feed while that can still be sorted out. */
static int found_in_work(struct core *c, const struct who *who, const struct found_ask *ask, const char *state,
                         enum found *ret, int64_t *ret_case, struct error *err)
{
        char card[UUID_TEXT] = "";
        struct shown_face face;

        if (check_rests(c, ask->scanned, err) < 0) {
                if (is_unknown(c, ask->scanned, "print"))
                        err->reason = REASON_UNKNOWN_PRINT;
                else if (is_unknown(c, ask->scanned, "write"))
                        err->reason = REASON_UNKNOWN_WRITE;
                return -1;
        }
        (void)ledger_get_text(&c->ledger, card, sizeof card, "SELECT card FROM blank WHERE serial=?1", "s",
                              ask->scanned);
        if (ask->face[0] && (!read_face(&c->ledger, ask->face, &face) || strcmp(face.card, card) != 0))
                return strcmp(state, "printed") == 0 && face.line[0] ? hold(c, who, face.line, ask->scanned, err)
                                                                     : stray(c, who, ask, state, ret, ret_case, err);
        return err_input(err, REASON_WRONG_STATE, "card %s is %s: nothing is amiss, go on with it", ask->scanned,
                         state);
}

static bool face_is_its_own(struct ledger *l, const struct found_ask *ask)
{
        return !ask->face[0] ||
               ledger_get_int(l,
                              "SELECT count(*) FROM blank b JOIN card k ON k.id=b.card WHERE b.serial=?1 AND "
                              "k.face_code=?2",
                              "ss", ask->scanned, ask->face) > 0;
}

static int check_found(const struct found_ask *ask, struct error *err)
{
        size_t n = strlen(ask->scanned);

        if (n == 0 || n > CUSTODY_SCANNED_MAX || persian_check_text(ask->scanned) != PERSIAN_OK)
                return err_input(err, REASON_BAD_TEXT, "what was scanned is too long or holds control characters");
        if (ask->chip_id[0] && (strlen(ask->chip_id) != 20 || strspn(ask->chip_id, "0123456789abcdef") != 20))
                return err_input(err, REASON_BAD_REQUEST, "a chip's id is 20 hexadecimal digits in lower case");
        return 0;
}

int custody_found(struct core *c, const struct who *who, const struct found_ask *ask, enum found *ret,
                  int64_t *ret_case, struct error *err)
{
        static const char *const stock[] = { "room", "hopper", NULL };
        static const char *const work[] = { "reserved", "printing", "printed",  "accepted",
                                            "writing",  "written",  "verified", NULL };
        char state[32] = "";

        *ret_case = 0;
        if (check_found(ask, err) < 0)
                return -1;
        (void)ledger_state(&c->ledger, ENTITY_BLANK, ask->scanned, state, sizeof state);
        if (strcmp(state, "missing") == 0 && face_is_its_own(&c->ledger, ask))
                return find_again(c, who, ask->scanned, ret, err);
        if (strcmp(state, "found") == 0 && face_is_its_own(&c->ledger, ask))
                return err_input(err, REASON_WRONG_STATE, "card %s was found already; it must be spoiled",
                                 ask->scanned);
        if (is_one_of(state, stock))
                return found_stock(c, who, ask, state, ret, ret_case, err);
        if (is_one_of(state, work))
                return found_in_work(c, who, ask, state, ret, ret_case, err);
        return stray(c, who, ask, state, ret, ret_case, err);
}
