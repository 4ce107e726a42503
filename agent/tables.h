/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The tables that are served, one file each. */
#ifndef TOWNMETER_TABLES_H
#define TOWNMETER_TABLES_H

#include "table.h"

extern const struct table scalars;       /* townMeterAgent */
extern const struct table total_table;   /* townMeterTotalTable */
extern const struct table town_table;    /* townMeterTownTable */
extern const struct table host_table;    /* townMeterHostTable */
extern const struct table address_table; /* townMeterAddressTable */
extern const struct table control_scalars; /* townMeterControl */

#endif
