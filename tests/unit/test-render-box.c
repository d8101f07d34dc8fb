/* daemon/work/render/box: attributes from data-* and from <desc>, and every wrong one refused. */
#include "daemon/work/render/box.h"
#include "tests/unit/test.h"
#include <libxml/parser.h>
#include <string.h>

static int parse(const char *xml, struct box *ret)
{
        struct error err = { 0 };
        xmlDoc *doc = xmlReadMemory(xml, (int)strlen(xml), NULL, NULL, 0);
        int r;

        CHECK(doc);
        r = box_parse(xmlDocGetRootElement(doc), ret, &err);
        CHECK(r == 0 || (err.kind == ERR_INPUT && err.reason == REASON_LAYOUT_BAD));
        xmlFreeDoc(doc);
        return r;
}

static void test_data(void)
{
        struct box box;

        CHECK(parse("<rect id='name_fa' data-size='11.5-8' data-weight='700' data-lines='2' data-direction='rtl' "
                    "data-digits='persian' data-valign='top' data-colour='#ff0080'/>",
                    &box) == 0);
        CHECK(box.kind == BOX_TEXT && box.field == RENDER_NAME_FA && box.size_max == 11.5 && box.size_min == 8);
        CHECK(box.weight == 700 && box.lines == 2 && box.rtl && box.align == ALIGN_RIGHT && box.persian_digits);
        CHECK(box.valign == VALIGN_TOP && box.colour[0] == 1 && box.colour[1] == 0 && box.colour[2] > .5);
        CHECK(parse("<rect id='photo' data-min-dpi='300'/>", &box) == 0 && box.kind == BOX_PHOTO && box.min_dpi == 300);
        CHECK(parse("<rect id='qr'/>", &box) == 0 && box.kind == BOX_QR);
}

static void test_description(void)
{
        struct box box;

        CHECK(parse("<rect id='front-date'><desc>field=issued_jalali size=7\n direction=ltr align=center</desc></rect>",
                    &box) == 0);
        CHECK(box.field == RENDER_ISSUED_JALALI && box.size_max == 7 && box.size_min == 7 && box.align == ALIGN_CENTER);
        CHECK(box.lines == 1 && box.weight == 400 && strcmp(box.font, "Vazirmatn") == 0);
}

static void test_refused(void)
{
        static const char *const wrong[] = {
                "<rect data-size='7' data-direction='ltr'/>",
                "<rect id='Name Fa' data-size='7' data-direction='ltr'/>",
                "<rect id='serial' data-size='7' data-direction='ltr'/>",
                "<rect id='name_fa' data-direction='rtl'/>",
                "<rect id='name_fa' data-size='7'/>",
                "<rect id='name_fa' data-size='4.9' data-direction='rtl'/>",
                "<rect id='name_fa' data-size='7-8' data-direction='rtl'/>",
                "<rect id='name_fa' data-size='nan' data-direction='rtl'/>",
                "<rect id='name_fa' data-size='7pt' data-direction='rtl'/>",
                "<rect id='name_fa' data-size='7' data-direction='auto'/>",
                "<rect id='name_fa' data-size='7' data-direction='rtl' data-lines='3'/>",
                "<rect id='name_fa' data-size='7' data-direction='rtl' data-weight='bold'/>",
                "<rect id='name_fa' data-size='7' data-direction='rtl' data-colour='red'/>",
                "<rect id='name_fa' data-size='7' data-direction='rtl' data-colour='#fff'/>",
                "<rect id='name_fa' data-size='7' data-direction='rtl'><desc>size=8</desc></rect>",
                "<rect id='photo' data-min-dpi='50'/>",
        };
        struct box box;

        for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
                CHECK(parse(wrong[i], &box) < 0);
}

int main(void)
{
        test_data();
        test_description();
        test_refused();
        return 0;
}
