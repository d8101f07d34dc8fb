/* The documented reason words: one row per thing that can be refused or go wrong, with the exit status of `mohr`
 * and the sentence that says what to do. The table is the source of docs/reasons.md, of the HTTP answers and of
 * the CLI's exit codes; a word, once released, keeps its meaning. */
#pragma once
#include <stdbool.h>

/* X(NAME, "word", exit status, "what to do")
 * Exit status: 0 done, 1 refused by a rule, 2 usage, 3 bad input or data, 4 a device needs a person,
 * 5 the card is lost or parked, 6 outcome unknown, 7 a service cannot be reached, 8 not permitted, 9 own fault. */
#define REASONS(X)                                                                                                    \
        X(NONE, "none", 0, "")                                                                                        \
        X(BAD_REQUEST, "bad_request", 3, "Correct the request; nothing was done.")                                    \
        X(BAD_JSON, "bad_json", 3, "Send one JSON object with the documented keys, each once, in UTF-8.")             \
        X(BAD_CONFIG, "bad_config", 3, "Correct the configuration file at the place named and check it again.")       \
        X(BAD_TEXT, "bad_text", 3, "Have the text mended in the portal: it holds characters that cannot be printed.") \
        X(BAD_NATIONAL_ID, "bad_national_id", 3, "Have the national ID mended in the portal.")                        \
        X(BAD_DATE, "bad_date", 3, "Have the date mended in the portal.")                                             \
        X(BAD_SERIAL, "bad_serial", 3, "Scan the serial again; it is six to twenty letters, digits or hyphens.")      \
        X(APPROVAL_MISSING, "approval_missing", 1, "Wait for the portal's approval; nothing can be printed before.")  \
        X(APPROVAL_BROKEN, "approval_broken", 3, "The portal's approval signature is wrong; tell the IT expert.")     \
        X(APPROVAL_INCOMPLETE, "approval_incomplete", 1, "Wait until all five officials have confirmed, in order.")   \
        X(NOT_PAID, "not_paid", 1, "The applicant must pay the issuing fee first.")                                   \
        X(PAID_TOO_EARLY, "paid_too_early", 1,                                                                        \
          "The portal must clear a payment older than the director's confirmation.")                                  \
        X(WITHDRAWN, "withdrawn", 1, "The portal has withdrawn this application; put the card aside.")                \
        X(NOT_FOUND, "not_found", 3, "Check the number; the station does not know it.")                               \
        X(WRONG_STATE, "wrong_state", 1, "Look at the present state; this step is not next.")                         \
        X(WORKSHEET_MISSING, "worksheet_missing", 1, "Confirm the match with the special exam worksheet first.")      \
        X(WORKSHEET_DIFFERS, "worksheet_differs", 1,                                                                  \
          "The data differ from the worksheet; no printing until resolved.")                                          \
        X(AWAITING_REISSUE, "awaiting_reissue", 1, "Wait for headquarters' authorisation to print again.")            \
        X(AUTHORISATION_BROKEN, "authorisation_broken", 3,                                                            \
          "The authorisation's signature is wrong; tell the IT expert.")                                              \
        X(AUTHORISATION_USED, "authorisation_used", 1, "This authorisation has been used; each serves once.")         \
        X(CLAIMED_ELSEWHERE, "claimed_elsewhere", 1, "Another station holds this application.")                       \
        X(FENCED, "fenced", 1, "The portal knows a newer ledger of this station; call headquarters.")                 \
        X(LEASE_OVER, "lease_over", 1, "The lease is over; the portal must be reached before printing.")              \
        X(NO_BLANK, "no_blank", 4, "Load blanks in serial order and tell the station: mohr hopper load.")             \
        X(ALREADY_ISSUED, "already_issued", 1,                                                                        \
          "The portal has this application as issued; a case is open; call headquarters.")                            \
        X(SERIAL_USED, "serial_used", 1, "This serial was used before; put the card aside, not into the printer.")    \
        X(SERIAL_NOT_HERE, "serial_not_here", 1,                                                                      \
          "This serial is not in the room's stock; check the hand-over minutes.")                                     \
        X(SERIAL_MISMATCH, "serial_mismatch", 1,                                                                      \
          "Not the expected serial: the line holds; scan every card that came out.")                                  \
        X(FACE_MISMATCH, "face_mismatch", 1, "This face belongs to another card; scan every card that came out.")     \
        X(LINE_BUSY, "line_busy", 1, "Finish the card in work on this line first.")                                   \
        X(LINE_HELD, "line_held", 1, "The line holds; settle the named matter first.")                                \
        X(NAME_NO_FIT, "name_no_fit", 3,                                                                              \
          "The text does not fit its box; no card was used; mend the layout or the data.")                            \
        X(GLYPH_MISSING, "glyph_missing", 3, "The card's font lacks a character; no card was used.")                  \
        X(FONT_FALLBACK, "font_fallback", 3, "Text would be set in another font; no card was used.")                  \
        X(PHOTO_BAD, "photo_bad", 3, "The photo is unreadable; no card was used; mend it in the portal.")             \
        X(PHOTO_SMALL, "photo_small", 3, "The photo is too small; no card was used; mend it in the portal.")          \
        X(PHOTO_LARGE, "photo_large", 3, "The photo is too large; no card was used; mend it in the portal.")          \
        X(LAYOUT_BAD, "layout_bad", 3, "The card layout is wrong; no card was used; the IT expert mends it.")         \
        X(QUEUE_WRONG, "queue_wrong", 4, "The print queue is not set up as the station needs; see mohr doctor.")      \
        X(QUEUE_GONE, "queue_gone", 7, "The print service or its queue cannot be reached; see mohr doctor.")          \
        X(PRINTER_EMPTY, "printer_empty", 4, "The printer is out of cards; load blanks in serial order.")             \
        X(RIBBON_OUT, "ribbon_out", 4, "The printer is out of ribbon; change it and continue.")                       \
        X(PRINTER_JAM, "printer_jam", 4, "A card is jammed; open the printer, take it out and scan its serial.")      \
        X(PRINTER_COVER, "printer_cover", 4, "Close the printer's cover.")                                            \
        X(PRINTER_FAILED, "printer_failed", 4, "The printer reported a fault; look at it, then at the card.")         \
        X(PRINT_REFUSED, "print_refused", 4, "The print gate refused a second start of one print.")                   \
        X(READER_GONE, "reader_gone", 7, "The chip reader cannot be reached; check its cable; see mohr doctor.")      \
        X(READER_BUSY, "reader_busy", 4, "Another program holds the chip reader; close it.")                          \
        X(NO_CARD, "no_card", 4, "Insert the card into the chip reader.")                                             \
        X(CARD_REMOVED, "card_removed", 6, "The card was taken out; insert the same card again; nothing is lost.")    \
        X(CARD_MUTE, "card_mute", 5, "The chip does not answer; spoil the card.")                                     \
        X(CARD_SHORT_ANSWER, "card_short_answer", 6, "The chip's answer broke off; insert the same card again.")      \
        X(CHIP_FOREIGN, "chip_foreign", 5, "This chip is not for this station; put the card aside.")                  \
        X(CHIP_TAKEN, "chip_taken", 5, "This chip belongs to another serial; put the card aside.")                    \
        X(CHIP_PERSONALISED, "chip_personalised", 5, "This chip was written before; put the card aside.")             \
        X(CHIP_LOCKED, "chip_locked", 5, "This chip is locked; put the card aside.")                                  \
        X(CHIP_KEY_REFUSED, "chip_key_refused", 5, "Wrong key; no further try, so that the chip does not lock.")      \
        X(CHIP_BUDGET, "chip_budget", 5, "This chip's attempts are used up; the card stays parked.")                  \
        X(CHIP_STATUS, "chip_status", 5, "The chip refused a command; spoil the card.")                               \
        X(CHIP_ANSWER, "chip_answer", 5, "The chip's answer is malformed; spoil the card.")                           \
        X(CHIP_SLOW, "chip_slow", 5, "The chip does not come to an end; insert it once more, then spoil the card.")   \
        X(CHIP_MAC, "chip_mac", 5, "The chip's answer is not authentic; put the card aside.")                         \
        X(CHIP_SMALL, "chip_small", 5, "The data do not fit this chip.")                                              \
        X(LINE_STOPPED, "line_stopped", 5,                                                                            \
          "Two cards in a row were refused; the line is stopped; call the IT expert.")                                \
        X(VERIFY_FAILED, "verify_failed", 5, "The chip's content does not verify; the card must not be delivered.")   \
        X(CARD_WITHDRAWN, "card_withdrawn", 5, "This card's serial is on the withdrawn list; the card is not valid.") \
        X(NOT_ISSUED, "not_issued", 5, "The chip holds no complete certificate.")                                     \
        X(KEY_DOWN, "key_down", 7, "The key service cannot be reached; see mohr doctor.")                             \
        X(KEY_TOKEN, "key_token", 7, "The token with the keys cannot be used; see mohr doctor.")                      \
        X(KEY_REFUSED, "key_refused", 1, "The key service refuses: the approval does not allow this.")                \
        X(KEY_SPENT, "key_spent", 1, "The approval was already spent on another chip.")                               \
        X(PORTAL_DOWN, "portal_down", 7, "The portal cannot be reached; finished work is kept and reported later.")   \
        X(PORTAL_TLS, "portal_tls", 7, "The portal's or the station's certificate is wrong; tell the IT expert.")     \
        X(PORTAL_NONSENSE, "portal_nonsense", 7, "The portal's answer makes no sense; nothing was changed.")          \
        X(NOT_QUIESCENT, "not_quiescent", 7, "Calls to the portal are pending; ask again when they are done.")        \
        X(PORTAL_REFUSED, "portal_refused", 1, "The portal refused; a case is open; call headquarters.")              \
        X(RECEIPT_BROKEN, "receipt_broken", 3, "The portal's receipt is wrong; a case is open; tell the IT expert.")  \
        X(UNKNOWN_PRINT, "unknown_print", 6, "Look into the tray and the printer, and scan the card's serial.")       \
        X(UNKNOWN_WRITE, "unknown_write", 6, "Insert the same card to be read back.")                                 \
        X(UNKNOWN_OPEN, "unknown_open", 6, "Settle the open unknown outcome first: mohr unknown.")                    \
        X(CLOCK_WRONG, "clock_wrong", 7, "The station's clock is behind; set it; nothing prints before.")             \
        X(NOT_PERMITTED, "not_permitted", 8, "This act belongs to another role.")                                     \
        X(SECOND_PERSON, "second_person", 8, "A second person of another office must confirm.")                       \
        X(SAME_PERSON, "same_person", 8, "The second confirmation must be another person's, of another office.")      \
        X(STALE, "stale", 1, "The page is out of date; nothing was done; look again.")                                \
        X(CORE_DOWN, "core_down", 7, "The station's service does not answer; see mohr doctor.")                       \
        X(WORKER_LOST, "worker_lost", 6, "A helper process ended; its outcome is being found out.")                   \
        X(LEDGER, "ledger", 9, "The ledger cannot be written; stop and call the IT expert.")                          \
        X(SCHEMA_OTHER, "schema_other", 4,                                                                            \
          "The ledger is another version's: let mohrd migrate it, or use that version's programs.")                   \
        X(DISK_FULL, "disk_full", 9, "The disk is full; free space; finished work is safe.")                          \
        X(FSCK, "fsck", 9, "The ledger breaks a rule; stop and call the IT expert.")                                  \
        X(INTERNAL, "internal", 9, "An own fault; the step was stopped; tell the IT expert.")

enum reason {
#define X(name, word, status, what) REASON_##name,
        REASONS(X)
#undef X
                REASON_COUNT
};

const char *reason_word(enum reason reason);   /* "serial_used" */
const char *reason_advice(enum reason reason); /* what to do, one or two sentences */
int reason_exit_status(enum reason reason);
bool reason_parse(const char *word, enum reason *ret);
