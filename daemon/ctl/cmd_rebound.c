/* mohr rebound: what became of a card that a former installation of this station began. */
#include "daemon/ctl/client.h"

int cmd_rebound(struct ctl *c, int argc, char **argv)
{
        const char *operands[CTL_ARGS_MAX], *serial = NULL, *face = NULL;
        const struct option_spec options[] = { { .name = "serial", .value = &serial },
                                               { .name = "face", .value = &face },
                                               { 0 } };
        char path[128];
        size_t n;

        if (args_take(c, argc, argv, options, operands, &n) < 0 || n != 2)
                return ctl_usage(ctl_command("rebound"));
        client_path(path, sizeof path, "/v1/applications/", operands[0], "/rebound");
        return ctl_post_second(c, path,
                               json_pack("{s:s,s:s*,s:s*}", "found", operands[1], "serial", serial, "face", face),
                               "Settled.");
}
