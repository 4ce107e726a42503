/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tables.h"

const struct table *const tables[] = {
	&scalars, &total_table, &town_table, &host_table, &service_table, &town_service_table,
	&host_service_table, &town_period_table, &host_period_table, &address_table, &control_scalars, NULL};
