/* The acts on a case from the exam to the fee: received, entered, confirmed or rejected in order, paid. */
#include "calendar.h"
#include "chain_case.h"
#include "util.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SCORE_MAX = 10000, RIAL_IN_TOMAN = 10, FEE_RIAL = 1000000 }; /* S4.1: 100,000 toman; S2.5: 1,000,000 rials */

void chain_receive(struct portal *portal, const struct chain_options *o)
{
        CASE one = { 0 };
        int64_t at;

        chain_load(portal, o->application, &one);
        at = chain_at(portal, o);
        if (chain_actor(portal, o, &one) != ROLE_EXAM_EXPERT)
                refuse("wrong_role", "the centre's exam expert receives the exam data (A-B1)");
        if (one.stage != CHAIN_REGISTERED)
                refuse("received", "%s is received already", one.id);
        if (calendar_day(at) < one.exam_day)
                refuse("exam_not_held", "the exam is still ahead");
        chain_wait_for(portal, &one, ROLE_EXAM_EXPERT, at);
        chain_note(portal, one.id, "receive", o, at, false);
        chain_print(portal, &one, at, false);
}

/* Refused unless the case waits for somebody of this office. */
static enum chain_role turn_check(struct portal *portal, const struct chain_options *o, const struct chain_case *one)
{
        enum chain_role role = chain_actor(portal, o, one);

        if (one->stage == CHAIN_REGISTERED)
                refuse("wrong_order", "the exam data of %s are not received yet", one->id);
        if (one->stage != CHAIN_WAITING)
                refuse("chain_over", "all five have confirmed %s", one->id);
        if (role != one->waiting_for)
                refuse("wrong_order", "%s waits for %s, not for %s (A-B2)", one->id, chain_roles[one->waiting_for].word,
                       chain_roles[role].word);
        return role;
}

/* Confirmed by this role; on to the next, or to the fee after the last. */
static void pass_on(struct portal *portal, const struct chain_options *o, struct chain_case *one, const char *what,
                    int64_t at)
{
        char text[TIME_TEXT];

        time_text(at, text);
        store_run(&portal->store, "INSERT INTO chain_confirmation(application, role, by, at) VALUES(?1, ?2, ?3, ?4)",
                  "siss", one->id, (int64_t)one->waiting_for, o->by, text);
        chain_note(portal, one->id, what, o, at, at > one->deadline);
        if (one->waiting_for != ROLE_DIRECTOR) {
                chain_wait_for(portal, one, (enum chain_role)(one->waiting_for + 1), at);
        } else {
                one->stage = CHAIN_UNPAID;
                chain_sign(portal, one, NULL, at);
        }
        chain_print(portal, one, at, false);
}

static json_t *score(int64_t value, const char *option)
{
        if (value < 0 || value > SCORE_MAX)
                refuse("bad_score", "%s is needed, in hundredths of a mark: 0 to %d", option, SCORE_MAX);
        return json_integer(value);
}

void chain_enter(struct portal *portal, const struct chain_options *o)
{
        CASE one = { 0 };
        int64_t at;

        chain_load(portal, o->application, &one);
        at = chain_at(portal, o);
        if (chain_actor(portal, o, &one) != ROLE_EXAM_EXPERT)
                refuse("wrong_role", "the centre's exam expert enters marks (I-6.1)");
        turn_check(portal, o, &one);
        json_t *skill = json_object_get(json_object_get(one.data, "certificate"), "skill");

        json_object_set_new(skill, "theory_score", score(o->theory, "--theory"));
        json_object_set_new(skill, "practical_score", score(o->practical, "--practical"));
        json_object_set_new(json_object_get(one.data, "worksheet"), "practical_score",
                            score(o->on_worksheet < 0 ? o->practical : o->on_worksheet, "--on-worksheet"));
        chain_save_data(portal, &one);
        pass_on(portal, o, &one, "enter", at);
}

void chain_confirm(struct portal *portal, const struct chain_options *o)
{
        CASE one = { 0 };
        int64_t at;

        chain_load(portal, o->application, &one);
        at = chain_at(portal, o);
        if (turn_check(portal, o, &one) == ROLE_EXAM_EXPERT)
                refuse("wrong_role", "the exam expert enters marks, that is the confirmation");
        pass_on(portal, o, &one, "confirm", at);
}

void chain_reject(struct portal *portal, const struct chain_options *o)
{
        CASE one = { 0 };
        enum chain_role role;
        int64_t at;

        chain_load(portal, o->application, &one);
        at = chain_at(portal, o);
        role = turn_check(portal, o, &one);
        if (role == ROLE_EXAM_EXPERT)
                refuse("wrong_role", "nobody stands before the exam expert");
        if (!o->reason || strspn(o->reason, " \t\r\n") == strlen(o->reason))
                refuse("no_reason", "a rejection goes back with its reason: --reason");
        role--;
        store_run(&portal->store, "DELETE FROM chain_confirmation WHERE application = ?1 AND role = ?2", "si", one.id,
                  (int64_t)role);
        chain_note(portal, one.id, "reject", o, at, at > one.deadline);
        chain_wait_for(portal, &one, role, at);
        chain_print(portal, &one, at, false);
}

/* S4.4: money is in rials or toman, and the unit is always said. */
static void fee_check(const struct chain_options *o)
{
        const char *unit = chain_needed(o->unit, "--unit rial or --unit toman");
        bool toman = strcmp(unit, "toman") == 0;

        if (!toman && strcmp(unit, "rial") != 0)
                refuse("bad_unit", "the unit is rial or toman");
        if (o->amount != (toman ? FEE_RIAL / RIAL_IN_TOMAN : FEE_RIAL))
                refuse("wrong_amount", "the fee is %d rials (%d toman)", FEE_RIAL, FEE_RIAL / RIAL_IN_TOMAN);
}

void chain_pay(struct portal *portal, const struct chain_options *o)
{
        const char *reference = chain_needed(o->reference, "--reference");
        CASE one = { 0 };
        char text[TIME_TEXT];
        int64_t at;

        chain_load(portal, o->application, &one);
        at = chain_at(portal, o);
        if (one.stage < CHAIN_UNPAID)
                refuse("paid_too_early", "the fee is taken after the director's confirmation only (A-B3, S4.2)");
        if (one.stage == CHAIN_PAID)
                refuse("already_paid", "the fee of %s is paid", one.id);
        fee_check(o);
        if (!pattern_match("^[A-Za-z0-9-]{1,40}$", reference))
                refuse("bad_reference", "a payment's reference has 1 to 40 letters, digits and hyphens");
        time_text(at, text);
        one.stage = CHAIN_PAID;
        JSON payment =
                json_pack("{s:I, s:s, s:s}", "amount_rial", (json_int_t)FEE_RIAL, "reference", reference, "at", text);

        chain_sign(portal, &one, payment, at);
        chain_note(portal, one.id, "pay", o, at, false);
        chain_print(portal, &one, at, false);
}
