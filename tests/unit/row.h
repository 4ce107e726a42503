/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Short ways to what commands change of a row of a meter. */
#ifndef TOWNMETER_TESTS_ROW_H
#define TOWNMETER_TESTS_ROW_H

#include <stdio.h>

#include "meter.h"

static inline void row_block(struct meter *meter, enum meter_kind kind, uint32_t id, bool blocked)
{
	struct meter_row row = meter_row(meter, kind, id);

	row.manager = blocked;
	meter_row_put(meter, kind, id, &row);
}

static inline void row_remark(struct meter *meter, uint32_t host, const char *remark)
{
	struct meter_row row = meter_row(meter, METER_HOST, host);

	snprintf(row.remark, sizeof row.remark, "%s", remark);
	meter_row_put(meter, METER_HOST, host, &row);
}

static inline void row_quota(struct meter *meter, enum meter_kind kind, uint32_t id, struct quota quota)
{
	struct meter_row row = meter_row(meter, kind, id);

	row.quota = quota;
	meter_row_put(meter, kind, id, &row);
}

#endif
