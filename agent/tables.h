/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The tables that are served, one file each, but for those of service classes and of closed periods. */
#ifndef TOWNMETER_TABLES_H
#define TOWNMETER_TABLES_H

#include "history.h"
#include "table.h"

extern const struct table scalars;       /* townMeterAgent */
extern const struct table total_table;   /* townMeterTotalTable */
extern const struct table town_table;    /* townMeterTownTable */
extern const struct table host_table;    /* townMeterHostTable */
extern const struct table service_table; /* townMeterServiceTable */
extern const struct table town_service_table, host_service_table; /* townMeterTownServiceTable and ...Host... */
extern const struct table town_period_table, host_period_table; /* townMeterTownPeriodTable and ...Host... */
extern const struct table address_table; /* townMeterAddressTable */
extern const struct table control_scalars; /* townMeterControl */

/* Where the closed periods are read: borrowed until the next call. NULL: there are none. */
void period_tables_read(struct history *history);

#endif
