/* main(): the order of creation, top to bottom */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/osdep.h"

int main(void)
{
    return 0;
}
