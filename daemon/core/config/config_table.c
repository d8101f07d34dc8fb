#include "daemon/core/config/config_table.h"
#include "proto/base/cleanup.h"
#include <string.h>

static const char *const feeds[] = { "ascending", "descending", NULL };
static const char *const reissues[] = { "always", "registered", NULL };
static const char *const roles[] = { "issuer", "assessment_senior", "assessment_head", "security", "director",
                                     "it",     "delivery",          "auditor",         NULL };
static const char *const offices[] = { "assessment", "security", "directorate", "it", "delivery", "audit", NULL };
_Static_assert(ARRAY_SIZE(roles) == ROLE_COUNT + 1 && ARRAY_SIZE(offices) == OFFICE_COUNT + 1, "a word per value");

static const struct {
        const char *name;
        bool named;
} sections[SECTION_COUNT] = {
        [SECTION_STATION] = { "station", false }, [SECTION_PORTAL] = { "portal", false },
        [SECTION_KEY] = { "key", false },         [SECTION_CHIP] = { "chip", false },
        [SECTION_PRINT] = { "print", false },     [SECTION_RENDER] = { "render", false },
        [SECTION_LINE] = { "line", true },        [SECTION_PERSON] = { "person", true },
};

#define AT(member) .offset = offsetof(struct config, member)
#define LINE(member) .section = SECTION_LINE, .offset = offsetof(struct config_line, member)
#define PERSON(member) .section = SECTION_PERSON, .offset = offsetof(struct config_person, member)
#define STATION(member) .section = SECTION_STATION, AT(station.member)
#define PORTAL(member) .section = SECTION_PORTAL, AT(portal.member)
#define KEY(member) .section = SECTION_KEY, AT(key.member)
#define CHIP(member) .section = SECTION_CHIP, AT(chip.member)
#define PRINT(member) .section = SECTION_PRINT, AT(print.member)
#define RENDER(member) .section = SECTION_RENDER, AT(render.member)
#define PATH_RANGE .min = 2, .max = 255
#define SOCKET_RANGE .min = 2, .max = 100 /* sun_path holds 108 bytes: unix(7) */

/* clang-format off */
const struct config_key config_table[] = {
        { STATION(id), .name = "id", .type = CONFIG_NAME, .min = 1, .max = 32, .example = "qom-1",
          .sentence = "The station's name at the portal." },
        { STATION(province), .name = "province", .type = CONFIG_TEXT, .min = 1, .max = 64, .example = "qom",
          .sentence = "The province whose applicants this station serves, as the portal writes it." },
        { STATION(state_dir), .name = "state_dir", .type = CONFIG_PATH, PATH_RANGE, .fallback = "/var/lib/mohr",
          .sentence = "Folder of the ledger; only the core may read it." },
        { STATION(socket), .name = "socket", .type = CONFIG_PATH, SOCKET_RANGE, .fallback = "/run/mohr/station.sock",
          .sentence = "Unix socket of the HTTP API; who may act is decided by the peer's uid." },
        { STATION(console_port), .name = "console_port", .type = CONFIG_INT, .min = 0, .max = 65535, .fallback = "0",
          .sentence = "TCP port of the HTTP API on 127.0.0.1; 0 = none." },
        { STATION(timezone_minutes), .name = "timezone_minutes", .type = CONFIG_INT, .min = -720, .max = 840,
          .fallback = "210", .sentence = "Station time minus UTC in minutes; it fixes the issue date." },
        { STATION(reissue_authorisation), .name = "reissue_authorisation", .type = CONFIG_WORD, .words = reissues,
          .fallback = "always",
          .sentence = "When a new card for a spoiled one waits for headquarters: always, or only where the spoiled "
                      "card's serial had been registered in the portal (instruction, clause 8, note 3)." },
        { STATION(retention_days), .name = "retention_days", .type = CONFIG_INT, .min = 1, .max = 3650,
          .fallback = "90", .sentence = "Days after delivery or closure until personal data are erased." },
        { STATION(programs_dir), .name = "programs_dir", .type = CONFIG_PATH, PATH_RANGE,
          .fallback = MOHR_LIBEXECDIR, .sentence = "Folder of the worker programs mohr-print, mohr-chip, mohr-render." },
        { STATION(clock_floor), .name = "clock_floor", .type = CONFIG_DATE, .fallback = "", .example = "2026-01-01",
          .sentence = "Nothing is printed while the clock shows an earlier day (UTC); empty = no floor of its own "
                      "beside the last receipt." },
        { STATION(laboratory), .name = "laboratory", .type = CONFIG_BOOL, .fallback = "no",
          .sentence = "Allow well-known test keys. Never on a station that issues real cards." },

        { PORTAL(ca), .name = "ca", .type = CONFIG_PATH, PATH_RANGE, .example = "/etc/mohr/portal-ca.pem",
          .sentence = "Certificate of the authority that signs the portal's approvals, receipts and authorisations." },
        { PORTAL(socket), .name = "socket", .type = CONFIG_PATH, SOCKET_RANGE, .fallback = "/run/mohr-net/net.sock",
          .sentence = "Socket of the service mohr-net." },
        { PORTAL(poll_s), .name = "poll_s", .type = CONFIG_INT, .min = 1, .max = 86400, .fallback = "60",
          .sentence = "Seconds between two looks for new applications and authorisations." },
        { PORTAL(limit_s), .name = "limit_s", .type = CONFIG_INT, .min = 1, .max = 600, .fallback = "60",
          .sentence = "Seconds after which a call to the portal is given up and its outcome is probed." },
        { PORTAL(anchor_s), .name = "anchor_s", .type = CONFIG_INT, .min = 1, .max = 86400, .fallback = "3600",
          .sentence = "Seconds between two anchors: the portal remembers the head of the audit chain, which also goes "
                      "there after reports." },

        { KEY(socket), .name = "socket", .type = CONFIG_PATH, SOCKET_RANGE, .fallback = "/run/mohr-key/key.sock",
          .sentence = "Socket of the service mohr-key." },
        { KEY(limit_s), .name = "limit_s", .type = CONFIG_INT, .min = 1, .max = 600, .fallback = "20",
          .sentence = "Seconds after which a request to the key service is given up." },

        { CHIP(ca), .name = "ca", .type = CONFIG_PATH, PATH_RANGE, .example = "/etc/mohr/csca.pem",
          .sentence = "Certificate of the authority under which the chips' content is signed." },
        { CHIP(profile), .name = "profile", .type = CONFIG_PATH, PATH_RANGE,
          .fallback = MOHR_DATADIR "/chips/gp-scp03.json", .sentence = "Chip profile: what card it is and its key scheme." },
        { CHIP(aid), .name = "aid", .type = CONFIG_HEX, .min = 5, .max = 16, .fallback = "F04952534B494C4C0100",
          .sentence = "Application identifier of the certificate's card program (5 to 16 bytes: ISO/IEC 7816-4)." },
        { CHIP(isd_aid), .name = "isd_aid", .type = CONFIG_HEX, .min = 5, .max = 16, .fallback = "",
          .example = "A000000151000000",
          .sentence = "Application identifier of the card's issuer security domain; empty = the one selected by "
                      "default." },
        { CHIP(insert_s), .name = "insert_s", .type = CONFIG_INT, .min = 1, .max = 600, .fallback = "60",
          .sentence = "Seconds to wait for a card in the reader." },
        { CHIP(limit_s), .name = "limit_s", .type = CONFIG_INT, .min = 1, .max = 600, .fallback = "60",
          .sentence = "Seconds without progress after which the chip worker is ended and the card is read back." },

        { PRINT(limit_s), .name = "limit_s", .type = CONFIG_INT, .min = 5, .max = 3600, .fallback = "120",
          .sentence = "Seconds without progress after which the print worker is ended and the print is probed." },

        { RENDER(layout), .name = "layout", .type = CONFIG_NAME, .min = 1, .max = 64, .fallback = "certificate",
          .sentence = "Name of the card layout." },
        { RENDER(layouts_dir), .name = "layouts_dir", .type = CONFIG_PATH, PATH_RANGE,
          .fallback = MOHR_DATADIR "/layouts", .sentence = "Folder of the card layouts." },
        { RENDER(fonts_dir), .name = "fonts_dir", .type = CONFIG_PATH, PATH_RANGE, .fallback = MOHR_DATADIR "/fonts",
          .sentence = "Folder of the cards' fonts." },
        { RENDER(limit_s), .name = "limit_s", .type = CONFIG_INT, .min = 1, .max = 600, .fallback = "30",
          .sentence = "Seconds after which drawing a card is given up." },

        { LINE(queue), .name = "queue", .type = CONFIG_NAME, .min = 1, .max = 127, .example = "cards",
          .sentence = "CUPS queue of the card printer; its device starts with mohr-once:." },
        { LINE(reader), .name = "reader", .type = CONFIG_TEXT, .min = 1, .max = 127, .example = "ACS ACR39U 00 00",
          .sentence = "PC/SC name of the chip reader." },
        { LINE(feed), .name = "feed", .type = CONFIG_WORD, .words = feeds, .fallback = "ascending",
          .sentence = "Order in which the printer takes the blanks' serials." },
        { LINE(gate_dir), .name = "gate_dir", .type = CONFIG_PATH, PATH_RANGE, .fallback = GATE_DIR_DEFAULT,
          .sentence = "Folder of the print gate's tokens, shared with the CUPS backend mohr-once." },
        { LINE(cups_server), .name = "cups_server", .type = CONFIG_TEXT, .min = 0, .max = 107, .fallback = "",
          .example = "/run/cups/cups.sock", .sentence = "CUPS server of this line: socket or host:port; empty = the "
                                                        "system's." },
        { LINE(pcsc_socket), .name = "pcsc_socket", .type = CONFIG_TEXT, .min = 0, .max = 107, .fallback = "",
          .example = "/run/pcscd/pcscd.comm", .sentence = "Socket of pcscd for this line; empty = the system's." },

        { PERSON(uid), .name = "uid", .type = CONFIG_INT, .min = 0, .max = 4294967294, .example = "1000",
          .sentence = "The person's account on this machine; each account belongs to one person." },
        { PERSON(role), .name = "role", .type = CONFIG_WORD, .words = roles, .example = "issuer",
          .sentence = "What the person does; it decides which acts are permitted." },
        { PERSON(office), .name = "office", .type = CONFIG_WORD, .words = offices, .example = "assessment",
          .sentence = "The office the person belongs to: one, and the role's; two-person acts take two offices." },
};
/* clang-format on */
const size_t config_table_n = ARRAY_SIZE(config_table);

const char *config_section_name(enum config_section section)
{
        return sections[section].name;
}

bool config_section_named(enum config_section section)
{
        return sections[section].named;
}

const char *role_name(enum role role)
{
        return roles[role];
}

const char *office_name(enum office office)
{
        return offices[office];
}
