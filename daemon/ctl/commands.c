/* The commands and what `mohr COMMAND --help` says; docs/man/mohr.1 says the same at length. */
#include "daemon/ctl/ctl.h"

const struct command commands[] = {
        { "status", "", "What the station does now: lines, cards in work, portal, workers.", cmd_status },
        { "queue", "[--limit N]", "Applicants who wait, the next first.", cmd_queue },
        { "show", "APPLICATION|SERIAL [--photo FILE]", "One applicant with certificate data, or one serial.",
          cmd_show },
        { "blank", "add FROM TO", "Takes blanks into the room's stock, by range of serials.", cmd_blank },
        { "hopper", "load [LINE] FROM TO | unload [LINE]",
          "Tells which blanks lie in a line's hopper.\nThe serials go in the order of the line's feed.", cmd_hopper },
        { "match", "APPLICATION --worksheet NUMBER",
          "Confirms that the data match the special exam worksheet (I-6.6).\nWithout it nothing is printed.",
          cmd_match },
        { "print", "[APPLICATION] [--line LINE] [--worksheet NUMBER] [--no-wait]",
          "Prints the named applicant's card, or the next.\n--worksheet confirms the match first (see match). "
          "Ctrl-C leaves the print running.",
          cmd_print },
        { "inspect",
          "--serial SERIAL --face CODE good | --serial SERIAL [--face CODE] spoiled --cause CAUSE [--text TEXT]",
          "Says how the print came out (I-6.7).\nThe face code is the ten characters of the card, or its whole QR "
          "text. "
          "Causes: see spoil.",
          cmd_inspect },
        { "write", "--serial SERIAL [--line LINE] [--no-wait]",
          "Writes the chip of the card just scanned, reads it back and verifies it (I-6.8).\nFor a card of unknown "
          "outcome it only reads.",
          cmd_write },
        { "confirm", "SERIAL [--mismatch] [--yes] [--photo FILE]",
          "Shows what the chip says and confirms it against the plastic: the card is issued (I-6.9).\nOn a terminal it "
          "asks first unless --yes; --mismatch says that the chip holds another person's data.",
          cmd_confirm },
        { "spoil", "SERIAL --cause CAUSE [--text TEXT] [--line LINE] [--no-chip] [--no-wait]",
          "Records a spoiled card (I-8); this cannot be undone.\nA written chip is locked first: the card goes into "
          "the "
          "reader of --line. --no-chip says that it does not answer; its\nserial then goes on the withdrawn list.\n"
          "Causes: print_shifted print_streaks print_colour print_ribbon print_side print_data print_unreadable "
          "card_jam\ncard_surface card_dust serial_bad chip_mute chip_refused chip_partial power_fault other (with "
          "--text).",
          cmd_spoil },
        { "missing", "SERIAL",
          "A card or blank that cannot be found: it counts as live until headquarters voids its serial. Two people.",
          cmd_missing },
        { "found", "SERIAL [--face CODE] [--chip ID]",
          "A card that lies where it should not.\nA missing one is found (two people) and can then only be spoiled; "
          "one that belongs elsewhere, or nowhere, makes a case\nwith what was scanned: its face code and its chip's "
          "id "
          "(mohr verify) when they can be read.",
          cmd_found },
        { "void", "SERIAL --minutes NUMBER --document FILE [--text TEXT] [--line LINE] [--no-chip] [--no-wait]",
          "Voids an issued card by the minutes of the provincial assessment board (I-9 note 4). Two people, the "
          "assessment office first.\nFILE is the scan of the signed minutes: its digest is recorded. A written chip is "
          "locked in the reader of --line; with\n--no-chip, and for a missing card, its serial goes on the withdrawn "
          "list.",
          cmd_void },
        { "dispatch", "SERIAL... --letter NUMBER [--acknowledged]",
          "Sends spoiled and void cards to headquarters with the director general's letter (I-8.1.1). Two people.\n"
          "--acknowledged: headquarters has written that it has them.",
          cmd_dispatch },
        { "withdrawn", "", "The portal's signed withdrawn list, an entry a line: for verify --withdrawn elsewhere.",
          cmd_withdrawn },
        { "sort", "[--line LINE] --card SERIAL[:FACE] ... [--next SERIAL]",
          "Sorts out a double feed.\nEach card that came out with its face, or without one when it is unprinted (then "
          "a "
          "second person of another office says\nthe same), and the next blank in the hopper.",
          cmd_sort },
        { "resume", "LINE", "Lets a held or stopped line go on, once the matter is settled.", cmd_resume },
        { "unknown", "[INTENT] | decide INTENT ANSWER [--serial SERIAL]",
          "Outcomes that nobody knows: the evidence, what to look for, and the command that answers.\nAnswers: "
          "came_out "
          "(with --serial), none_came_out (with --serial of the blank, two people), lost (two people).",
          cmd_unknown },
        { "rebound", "APPLICATION no_card | APPLICATION card_found --serial SERIAL --face CODE",
          "After a new installation: what became of a card that the former one had begun (two people).\nno_card: it "
          "may "
          "be printed here. card_found: the found card is spoiled; a new one waits for headquarters.",
          cmd_rebound },
        { "cases", "[--all]", "Open cases, what may be found about each, and the command that closes it.", cmd_cases },
        { "case", "close ID FINDING [--text TEXT]",
          "Closes a case: two people of two offices say the same, and the ledger bears it out.\nFindings: see cases.",
          cmd_case },
        { "sync", "", "Asks the portal now.", cmd_sync },
        { "fsck", "[--ledger FILE | --portal] | --list",
          "Checks every invariant of the ledger.\nOn a snapshot of the running station, else on the ledger itself, "
          "read "
          "only; --ledger names a file; --portal compares with the portal's own ledger too; --list lists the "
          "invariants.",
          cmd_fsck },
        { "audit", "verify [--ledger FILE] | list [--after N]", "Checks or lists the hash-chained audit rows.",
          cmd_audit },
        { "states", "[--dot]", "The life cycles of application, blank and intent; --dot for graphviz.", cmd_states },
        { "doctor", "", "Looks at configuration, station, services, printers, readers, clock; says how to mend.",
          cmd_doctor },
        { "verify",
          "[--reader NAME | --line LINE] [--ca FILE] [--photo FILE] [--qr TEXT [--signer FILE]] [--withdrawn FILE "
          "[--portal-ca FILE]] [--wait SECONDS]",
          "Reads the card in a reader and verifies it offline against a CA certificate.\nNeeds no running station; of "
          "one that runs it takes the withdrawn list, else from --withdrawn. "
          "--qr "
          "compares the text of the printed QR with the chip, --signer checks its signature with the document "
          "signer's certificate.",
          cmd_verify },
};
const size_t n_commands = ARRAY_SIZE(commands);
